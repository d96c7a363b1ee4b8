"""Phone numbers as people write them: kept as written, compared by their digits."""

from __future__ import annotations

import re

from connector.domain.writing import narrow

_SEVERAL = re.compile(r"\s*(?:[/、,，;；|]|或)\s*")
_SIGNS = re.compile(r"[\s().·\u2010-\u2015-]+")
_EXTENSION = re.compile(
    r"(?:转|轉|分机|ext(?:ension)?\.?|x|#|\*)[\s:：号-]*\d{1,6}$", re.IGNORECASE
)
_DIRECT = re.compile(r"-\s*\d{1,6}$")
_LABEL = re.compile(r"^(?:电话|手机|固话|座机|tel|mobile|phone|mob)[\s.:：]*", re.IGNORECASE)
_CHINA = re.compile(r"^(?:\+|00)?86(?=[1-9]\d{8,}|0\d{9,})")
_ABROAD = re.compile(r"^(?:\+|00)(?=[1-9])")
_MOBILE = re.compile(r"1[3-9]\d{9}")
_LANDLINE = re.compile(r"0(?:10|2\d)\d{8}|0[3-9]\d{2}\d{7,8}")
_SERVICE = re.compile(r"[48]00\d{7}")
# Hong Kong, Macao, Taiwan; after Taiwan's code the 0 of the number is left out, or is not.
_REGIONS = re.compile(r"85[23]\d{8}|8860?\d{8,9}")


def normalise_phone(number: str) -> str:
    """Return the digits by which a phone number is compared.

    Without China's country code, extension and signs; of several numbers the first. A landline
    has its 0, which is left out behind the country code.
    """
    number = _LABEL.sub("", narrow(number).strip())
    number = next((each for each in _SEVERAL.split(number) if each), "")
    number = _EXTENSION.sub("", number).strip()
    shorter = _DIRECT.sub("", number)
    if shorter != number and _is_whole(_digits(shorter)):
        return _digits(shorter)
    return _digits(number)


def is_phone(number: str) -> bool:
    """Whether this is a phone number, in whichever way it is written."""
    digits = normalise_phone(number)
    return _is_whole(digits) or _is_unusual(number, digits)


def is_unusual_phone(number: str) -> bool:
    """Whether a phone number can be right, but not be told from a wrong one.

    Of another country, without its area code, or several in one field.
    """
    return not _is_whole(normalise_phone(number)) or len(_SEVERAL.split(number.strip())) > 1


def spellings(number: str) -> list[str]:
    """Return the ways in which SAP may hold a phone number, as it was written first."""
    digits = normalise_phone(number)
    if not digits:
        return []
    found = [number.strip(), digits]
    if _MOBILE.fullmatch(digits):
        head, middle, tail = digits[:3], digits[3:7], digits[7:]
        found += [f"+86{digits}", f"+86 {digits}", f"+86-{digits}", f"86{digits}", f"0086{digits}"]
        found += [f"{head} {middle} {tail}", f"{head}-{middle}-{tail}"]
    elif _LANDLINE.fullmatch(digits):
        area = 3 if digits[1] in "12" else 4
        city, rest = digits[:area], digits[area:]
        found += [f"{city}-{rest}", f"({city}){rest}", f"{city} {rest}", f"+86 {city[1:]} {rest}"]
        found += [f"+86{digits[1:]}", f"+86-{city[1:]}-{rest}", f"86-{city[1:]}-{rest}"]
    elif _SERVICE.fullmatch(digits):
        found.append(f"{digits[:3]}-{digits[3:6]}-{digits[6:]}")
    elif _REGIONS.fullmatch(digits):
        found += [f"+{digits}", f"+{digits[:3]} {digits[3:]}", f"+{digits[:3]}-{digits[3:]}"]
    return list(dict.fromkeys(found))


def _digits(number: str) -> str:
    number = _SIGNS.sub("", number)
    shorter = _CHINA.sub("", number)
    digits = re.sub(r"\D", "", _ABROAD.sub("", shorter))
    if shorter != number:
        whole = digits.startswith("0") or _MOBILE.fullmatch(digits) or _SERVICE.fullmatch(digits)
        return digits if whole else f"0{digits}"
    if _REGIONS.fullmatch(digits):
        return re.sub(r"^8860", "886", digits)
    # What begins with another country's code is not taken for a number of this one.
    return f"00{digits}" if _ABROAD.match(number) else digits


def _is_whole(digits: str) -> bool:
    return any(form.fullmatch(digits) for form in (_MOBILE, _LANDLINE, _SERVICE, _REGIONS))


def _is_unusual(number: str, digits: str) -> bool:
    if re.search(r"[^\W\d_]", _EXTENSION.sub("", _LABEL.sub("", _SEVERAL.split(number)[0]))):
        return False  # letters are no part of a number
    if digits.startswith("00"):
        return 9 <= len(digits) <= 17 and not digits.startswith("0086")
    # Without its area code, or with one without the 0.
    return bool(re.fullmatch(r"[2-9]\d{6,7}|[2-9]\d{9,10}", digits))
