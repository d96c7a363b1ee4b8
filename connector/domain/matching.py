"""Who is the buyer in SAP? A decision table over evidence (workflow.md, step 2).

Recognising wrongly ships to and invoices the wrong debtor; a review costs a person a quarter of
an hour. So only an equal code, not contradicted by the name, recognises. Similarity ranks
candidates for people and never decides.

| code    | other evidence                      | company | person |
| ------- | ----------------------------------- | ------- | ------ |
| equal   | name equal or close                 | recognised | recognised |
| equal   | quite another name                  | review  | review |
| equal   | blocked in SAP                      | review  | review |
| absent  | name equal                          | review  | review if phone or address agrees |
| absent  | name close and phone or address     | review  | review if phone agrees |
| absent  | phone and address                   | review  | nothing |
| another | name equal                          | review  | review if phone agrees |
| another | anything else                       | nothing | nothing |

Nothing left: the buyer is new. Two records that would each be recognised: review.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rapidfuzz import fuzz

from connector.domain.identity import person_number, written
from connector.domain.order import Buyer, BuyerKind
from connector.domain.phones import normalise_phone
from connector.wording import Said, problems, terms

_COMPANY_FORMS = re.compile(
    r"(股份有限公司|有限责任公司|有限公司|集团公司|责任公司|公司|集团|\bco\b|\bltd\b|\binc\b|\bllc\b"
    r"|\bcorporation\b|\bcompany\b|\blimited\b)"
)
_NOT_LETTERS = re.compile(r"[\W_]+")
_PROVINCES = (
    "北京市", "天津市", "上海市", "重庆市", "河北省", "山西省", "辽宁省", "吉林省", "黑龙江省",
    "江苏省", "浙江省", "安徽省", "福建省", "江西省", "山东省", "河南省", "湖北省", "湖南省",
    "广东省", "海南省", "四川省", "贵州省", "云南省", "陕西省", "甘肃省", "青海省", "台湾省",
)  # fmt: skip
_REGIONS = {
    "内蒙古自治区": "内蒙古", "广西壮族自治区": "广西", "西藏自治区": "西藏",
    "宁夏回族自治区": "宁夏", "新疆维吾尔自治区": "新疆", "广西自治区": "广西",
    "宁夏自治区": "宁夏", "新疆自治区": "新疆", "香港特别行政区": "香港", "澳门特别行政区": "澳门",
}  # fmt: skip
# As they are written in full → as they are written for short; the full names come first.
_SHORT_PROVINCES = {
    **{each: each.removesuffix("省").removesuffix("市") for each in _PROVINCES},
    **_REGIONS,
}
_PROVINCE_NAMES = (*_SHORT_PROVINCES, *dict.fromkeys(_SHORT_PROVINCES.values()))
_LEADING = re.compile(r"^[\W_]+")
_STEM = 4
# Names whose characters agree to this share may be the same; a person must tell.
_CLOSE = 85.0


@dataclass(frozen=True)
class Candidate:
    """A customer record in SAP as far as matching needs it.

    A record may hold more numbers than its tax code, in the places where earlier releases kept it.
    """

    number: str
    name: str
    code: str = ""
    phone: str = ""
    street: str = ""
    city: str = ""
    postcode: str = ""
    deleted: bool = False
    blocked: bool = False
    further_codes: tuple[str, ...] = ()

    @property
    def codes(self) -> tuple[str, ...]:
        """All numbers that may be the buyer's tax code or ID number."""
        return tuple(filter(None, (self.code, *self.further_codes)))


class Verdict(StrEnum):
    """What is to be done about the buyer."""

    RECOGNISED = "recognised"
    REVIEW = "review"
    NEW = "new"


class Agreement(StrEnum):
    """How one piece of evidence agrees."""

    EQUAL = "equal"
    CLOSE = "close"
    DIFFERENT = "different"
    ABSENT = "absent"


@dataclass(frozen=True)
class Evidence:
    """How a candidate agrees with the buyer, piece by piece."""

    candidate: Candidate
    code: Agreement
    name: Agreement
    phone: Agreement
    address: Agreement
    likeness: float  # 0 to 100, only for ranking

    @property
    def summary(self) -> Said:
        """Say in a few words what agrees and what does not, without personal data."""
        parts = [
            problems.EVIDENCE(
                what=terms.term("evidence", title), how=terms.term("evidence", agreement.value)
            )
            for title, agreement in (
                ("code", self.code),
                ("name", self.name),
                ("phone", self.phone),
                ("address", self.address),
            )
        ]
        if self.candidate.blocked:
            parts.append(problems.BLOCKED_IN_SAP())
        return problems.EVIDENCES(each=parts)


@dataclass(frozen=True)
class Decision:
    """The verdict with its evidence; `number` is set when the buyer is recognised."""

    verdict: Verdict
    number: str | None
    reason: Said
    ranked: tuple[Evidence, ...]


def decide(buyer: Buyer, candidates: Sequence[Candidate]) -> Decision:
    """Decide who the buyer is. The sequence of candidates does not matter."""
    living = {each.number: each for each in candidates if not each.deleted}
    weighed = [weigh(buyer, each) for each in living.values()]
    ranked = tuple(
        sorted(
            (each for each in weighed if _plausible(buyer, each)),
            key=lambda each: (
                each.code is not Agreement.EQUAL,
                -each.likeness,
                each.candidate.number,
            ),
        )
    )
    same_code = [each for each in ranked if each.code is Agreement.EQUAL]
    certain = [
        each
        for each in same_code
        if each.name in (Agreement.EQUAL, Agreement.CLOSE) and not each.candidate.blocked
    ]
    if len(same_code) > 1:
        numbers = sorted(each.candidate.number for each in same_code)
        return Decision(Verdict.REVIEW, None, problems.SEVERAL(numbers=numbers), ranked)
    if certain:
        return Decision(
            Verdict.RECOGNISED,
            certain[0].candidate.number,
            problems.CODE_AND_NAME(name=terms.term("evidence", certain[0].name.value)),
            ranked,
        )
    if same_code and same_code[0].candidate.blocked:
        return Decision(Verdict.REVIEW, None, problems.BLOCKED(), ranked)
    if same_code:
        return Decision(Verdict.REVIEW, None, problems.ANOTHER_NAME(), ranked)
    if ranked:
        return Decision(Verdict.REVIEW, None, problems.SIMILAR(), ranked)
    return Decision(Verdict.NEW, None, problems.NOBODY_LIKE_IT(), ())


def is_another(buyer: Buyer, record: Candidate) -> bool:
    """Whether a record is somebody else's: of another code, or of another name and all else.

    A name may have been cut. Where neither phone nor address is known, the code alone tells.
    """
    evidence = weigh(buyer, record)
    if Agreement.DIFFERENT not in (evidence.code, evidence.name):
        return False
    if evidence.code is Agreement.DIFFERENT:
        return True
    known = (evidence.phone, evidence.address)
    unlike = evidence.code is Agreement.ABSENT or Agreement.DIFFERENT in known
    return unlike and Agreement.EQUAL not in known


def weigh(buyer: Buyer, candidate: Candidate) -> Evidence:
    """Compare a buyer with one SAP record, piece by piece."""
    company = buyer.kind is BuyerKind.COMPANY
    normal = normalise_company if company else normalise_person
    ours, theirs = normal(buyer.name), normal(candidate.name)
    likeness = fuzz.ratio(ours, theirs)
    return Evidence(
        candidate=candidate,
        code=_codes(buyer, candidate.codes),
        name=_name(ours, theirs, likeness, company=company),
        phone=_agree(normalise_phone(buyer.phone), normalise_phone(candidate.phone)),
        address=_address(
            normalise_address(buyer.address.street), normalise_address(candidate.street)
        ),
        likeness=round(likeness, 2),
    )


def organisation_code(code: str) -> str:
    """Return the organisation code of a company's code (GB 32100, places 9 to 17), or it itself.

    Empty for a code of another length.
    """
    code = written(code)
    return code[8:17] if len(code) == 18 else code if len(code) == 9 else ""


def code_spellings(buyer: Buyer) -> list[str]:
    """Return the ways in which SAP may hold a buyer's code, as it was written first.

    A person's with a small x, or in the 15 digits of old; a company's in small letters, or as its
    organisation code with and without the hyphen.
    """
    if buyer.kind is BuyerKind.PERSON:
        number = person_number(buyer.code)
        found = [buyer.code, number]
        if len(number) == 18 and number[6:8] == "19":
            found.append(number[:6] + number[8:17])
    else:
        short = organisation_code(buyer.code)
        found = [buyer.code, written(buyer.code)]
        found += [short, f"{short[:8]}-{short[8:]}"] if short else []
    return [each for each in dict.fromkeys([*found, *map(str.lower, found)]) if each]


def search_stem(name: str) -> str:
    """Return a few characters by which to search a company that may be written in other ways.

    The first letters of its name after a province, as they stand: a search cannot normalise. One
    letter, which nearly every name holds, is none: then what stands around it is taken along.
    """
    text = unicodedata.normalize("NFKC", name).upper()
    # A province in brackets is one too: (上海)浦江.
    bare = _LEADING.sub("", text)
    for province in _PROVINCE_NAMES:
        rest = _LEADING.sub("", bare.removeprefix(province))
        if bare.startswith(province) and len(rest) > 1:
            bare = rest
            break
    letters = re.match(r"[^\W_]+", bare)
    stem = letters.group()[:_STEM] if letters else ""
    if _tells(stem):
        return stem
    stem = bare[: _STEM + 2].strip()
    return stem if _tells(stem) else ""


def _tells(stem: str) -> bool:
    """Whether not every other name holds these letters: two of Chinese, or three others."""
    letters = _NOT_LETTERS.sub("", stem)
    return len(letters) >= (3 if letters.isascii() else 2)


def normalise_company(name: str) -> str:
    """Return a company name without what is written now so, now so.

    Width and case (NFKC), brackets, spaces and punctuation, the legal form, the province's name.
    """
    text = unicodedata.normalize("NFKC", name).casefold()
    for province, short in _SHORT_PROVINCES.items():
        if text.startswith(province):
            text = short + text.removeprefix(province)
            break
    text = _COMPANY_FORMS.sub("", text)
    return _NOT_LETTERS.sub("", text)


def normalise_person(name: str) -> str:
    """Return a person's name without width, case, spaces and punctuation."""
    return _NOT_LETTERS.sub("", unicodedata.normalize("NFKC", name).casefold())


def normalise_address(street: str) -> str:
    """Return a street and house number without width, case, spaces and punctuation."""
    return _NOT_LETTERS.sub("", unicodedata.normalize("NFKC", street).casefold())


def _codes(buyer: Buyer, held: Sequence[str]) -> Agreement:
    """Compare with each number of a record: one that is the buyer's tells, whatever the others."""
    found = [_code(buyer, each) for each in held]
    for agreement in (Agreement.EQUAL, Agreement.DIFFERENT):
        if agreement in found:
            return agreement
    return Agreement.ABSENT


def _code(buyer: Buyer, held: str) -> Agreement:
    ours, theirs = (
        _NOT_LETTERS.sub("", unicodedata.normalize("NFKC", each)).upper()
        for each in (buyer.code, held)
    )
    if not ours or not theirs:
        return Agreement.ABSENT
    if buyer.kind is BuyerKind.PERSON:
        # 15 digits of old and 18 of today are one person.
        ours, theirs = person_number(ours), person_number(theirs)
    if ours == theirs:
        return Agreement.EQUAL
    # The organisation code is part of the unified social credit code (GB 32100, places 9 to 17).
    short, long = sorted((ours, theirs), key=len)
    if len(short) == 9 and organisation_code(long) == short:
        return Agreement.EQUAL
    return Agreement.DIFFERENT


def _name(ours: str, theirs: str, likeness: float, *, company: bool) -> Agreement:
    if not ours or not theirs:
        return Agreement.ABSENT
    if ours == theirs:
        return Agreement.EQUAL
    return Agreement.CLOSE if company and likeness >= _CLOSE else Agreement.DIFFERENT


def _agree(ours: str, theirs: str) -> Agreement:
    if not ours or not theirs:
        return Agreement.ABSENT
    return Agreement.EQUAL if ours == theirs else Agreement.DIFFERENT


def _address(ours: str, theirs: str) -> Agreement:
    if not ours or not theirs:
        return Agreement.ABSENT
    if ours == theirs:
        return Agreement.EQUAL
    # One of the two may carry the district or the city in front.
    short, long = sorted((ours, theirs), key=len)
    same = long.endswith(short) and any(map(str.isdigit, short)) and len(short) >= 5
    return Agreement.EQUAL if same else Agreement.DIFFERENT


def _plausible(buyer: Buyer, each: Evidence) -> bool:
    """Whether a person should look at this candidate; the rows of the table above."""
    phone, address = each.phone is Agreement.EQUAL, each.address is Agreement.EQUAL
    same_name = each.name is Agreement.EQUAL
    if each.code is Agreement.EQUAL:
        return True
    if buyer.kind is BuyerKind.PERSON:
        if each.code is Agreement.DIFFERENT:
            return same_name and phone
        return same_name and (phone or address)
    if each.code is Agreement.DIFFERENT:
        return same_name
    close = each.name is Agreement.CLOSE and (phone or address)
    return same_name or close or (phone and address)
