"""No text of the connector's tells a person's ID number, whoever wrote it into which field."""

from __future__ import annotations

import re
import unicodedata

# 18 or 15 digits, in either width, as one or in groups; no county's code begins with 0, while
# numbers of parts and customers in SAP do.
_NUMBER = re.compile(
    r"(?<!\d)[1-9１-９](?:[\s\u2010-\u2015-]{0,2}\d){13}"
    r"(?:(?:[\s\u2010-\u2015-]{0,2}\d){3}[\s\u2010-\u2015-]{0,2}(?:[XxＸｘ]|\d(?!\d))|\d(?!\d))"
)
_MOST_GROUPS = 6
_LONG = 18


def masked(text: str) -> str:
    """Return a text in which of an ID number only the county and its end are left.

    What is written like one in 18 digits is taken for one, right or mistyped. Fifteen digits, and
    18 that stand beside a letter, only where they hold a date: numbers of parcels are as long.
    """
    if len(text) < _LONG - 3:
        return text
    return _NUMBER.sub(_hidden, text)


def shown(value: object, most: int = 40) -> str:
    """Return a foreign value as a reason shows it: masked before it is cut, within quotes."""
    return repr(masked(str(value))[:most])


def _hidden(found: re.Match[str]) -> str:
    number = "".join(
        unicodedata.normalize("NFKC", each) for each in found.group() if each.isalnum()
    )
    groups = len(re.findall(r"\w+", found.group()))
    whole = len(number) == _LONG
    born = number[6:14] if whole else f"19{number[6:12]}"
    around = found.string[found.start() - 1 : found.start()], found.string[found.end() :][:1]
    glued = any(each.isascii() and each.isalpha() for each in around)
    if groups > _MOST_GROUPS or not (_is_date(born) or (whole and not glued)):
        return found.group()
    return f"{number[:6]}********{number[-4:]}" if whole else f"{number[:6]}*******{number[-2:]}"


def _is_date(born: str) -> bool:
    return (
        born[:2] in ("18", "19", "20") and 1 <= int(born[4:6]) <= 12 and 1 <= int(born[6:8]) <= 31
    )
