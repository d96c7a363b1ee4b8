"""Numbers by which the state knows a person or a company: how they are read and what is wrong.

A person's number is judged by its length, its date of birth and its check digit (GB 11643). Its
first six digits name the county of the *first* registration: it need not have existed in the
year of birth, nor exist today, and no table of counties is complete. A county that the table does
not know is worth a remark and no more.
"""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum

from stdnum import numdb
from stdnum.iso7064 import mod_11_2

from connector.domain.writing import narrow
from connector.wording import Said
from connector.wording import problems as wrong

# The Roman numeral ten, which some keyboards offer in the place of the check digit X.
_ROMAN_TEN = str.maketrans("\u2169\u2179", "XX")
_SEPARATORS = re.compile(r"[\s\u2010-\u2015-]+")
_TODAY = re.compile(r"\d{17}[\dX]")
_OLD = re.compile(r"\d{15}")
# A digit too few or too many in a number of one of these forms.
_SLIP = re.compile(r"\d{14,19}|\d{16,18}X")
_OLD_FOREIGN = re.compile(r"[A-Z]{3}\d{12}")
_PASSPORT = re.compile(r"(?=[A-Z]{0,2}\d{5})[A-Z0-9]{6,9}")
# Hong Kong, Macao and Taiwan: on residence permits these stand in the county's place.
_PERMITS = ("810000", "820000", "830000")
_FOREIGN = "9"
# GB 32100-2015: no I, O, S, V, Z; the first character is the registering department's.
_CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_CODE = re.compile(
    f"[1-9ANY][{_CREDIT_ALPHABET}][0-9]{{6}}[{_CREDIT_ALPHABET}]{{9}}[{_CREDIT_ALPHABET}]"
)
_ORGANISATION_CODE = re.compile(r"[0-9A-Z]{8}[0-9X]")
# GB 11714-1997: weights of the first eight characters, modulo 11.
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_FIRST_YEAR = 1800


class Document(StrEnum):
    """What a person may show."""

    ID_CARD = "id_card"  # 居民身份证, also the 15 digits of old
    RESIDENCE_PERMIT = "residence_permit"  # 港澳台居民居住证
    FOREIGN_RESIDENT = "foreign_resident"  # 外国人永久居留身份证
    PASSPORT = "passport"  # 护照: no rule checks its number


USUAL = frozenset({Document.ID_CARD, Document.RESIDENCE_PERMIT, Document.FOREIGN_RESIDENT})


def written(code: str) -> str:
    """Return a number without spaces and hyphens, in capital letters of common width."""
    return _SEPARATORS.sub("", narrow(code)).upper().translate(_ROMAN_TEN)


def person_number(code: str) -> str:
    """Return the one number that stands for a person: 15 digits become the 18 of today."""
    code = written(code)
    if _OLD.fullmatch(code):
        longer = f"{code[:6]}19{code[6:]}"
        return longer + mod_11_2.calc_check_digit(longer)
    return code


def wrong_with_person(
    code: str, today: date, documents: frozenset[Document] = USUAL
) -> Said | None:
    """Return what is wrong with the number of a person, of whichever document is taken."""
    code = written(code)
    kind = document_of(code, documents)
    if kind is None:
        digits = code.isascii() and code[:-1].isdigit()
        return (
            wrong.WRONG_LENGTH() if digits and len(code) not in (15, 18) else wrong.WRONG_FORMAT()
        )
    if kind not in documents:
        return wrong.DOCUMENT_NOT_TAKEN(document=kind.value)
    if kind is Document.PASSPORT or _OLD_FOREIGN.fullmatch(code):
        return None
    number = person_number(code)
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return wrong.NO_SUCH_DATE()
    if born.year < _FIRST_YEAR:
        return wrong.NO_SUCH_DATE()
    if not mod_11_2.is_valid(number):
        return wrong.CHECK_DIGIT()
    return wrong.IN_THE_FUTURE() if born > today else None


def checkable(code: str) -> bool:
    """Whether a rule can tell that a number is wrong: by check digits, dates or its length."""
    code = written(code)
    return document_of(code) is not None or bool(_SLIP.fullmatch(code))


def remarks_on_person(code: str, documents: frozenset[Document] = USUAL) -> list[Said]:
    """Return what is unusual about a number that is right, without the number."""
    code = written(code)
    if document_of(code, documents) is Document.PASSPORT or _OLD_FOREIGN.fullmatch(code):
        return [wrong.NOT_CHECKABLE()]
    remarks = [wrong.OLD_NUMBER()] if _OLD.fullmatch(code) else []
    if document_of(code, documents) is Document.ID_CARD and not _county_is_known(code[:6]):
        remarks.append(wrong.COUNTY_UNKNOWN(county=code[:6]))
    return remarks


def document_of(code: str, documents: frozenset[Document] = USUAL) -> Document | None:
    """Return which document a number is of by its form, None for a number of no form."""
    if _TODAY.fullmatch(code):
        if code.startswith(_PERMITS):
            return Document.RESIDENCE_PERMIT
        return Document.FOREIGN_RESIDENT if code.startswith(_FOREIGN) else Document.ID_CARD
    if _OLD.fullmatch(code):
        return Document.ID_CARD
    if _OLD_FOREIGN.fullmatch(code):
        return Document.FOREIGN_RESIDENT
    passport = Document.PASSPORT in documents and _PASSPORT.fullmatch(code)
    return Document.PASSPORT if passport else None


def wrong_with_company(code: str) -> Said | None:
    """Return what is wrong with a company's code; None is right.

    A unified social credit code of 18 characters, or an organisation code of 9, which is often
    written with a hyphen.
    """
    code = written(code)
    if len(code) == 18:
        if not _CREDIT_CODE.fullmatch(code):
            return wrong.WRONG_FORMAT()
        total = sum(
            _CREDIT_ALPHABET.index(each) * pow(3, place, 31) for place, each in enumerate(code[:17])
        )
        right = _CREDIT_ALPHABET[-total % 31]
        return None if code[17] == right else wrong.CHECK_DIGIT()
    return None if _is_organisation_code(code) else wrong.NEITHER_CODE()


def _is_organisation_code(code: str) -> bool:
    if not _ORGANISATION_CODE.fullmatch(code):
        return False
    total = sum(
        int(each, 36) * weight for each, weight in zip(code, _ORGANISATION_WEIGHTS, strict=False)
    )
    check = (11 - total % 11) % 11
    return code[8] == ("X" if check == 10 else str(check))


def _county_is_known(county: str) -> bool:
    parts = numdb.get("cn/loc").info(county)
    return bool(parts) and "county" in parts[-1][1]
