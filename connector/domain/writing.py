"""One way to write a text: widths, entities of HTML, spaces; what means something stays."""

from __future__ import annotations

import html
import re
import unicodedata

_SPACES = re.compile(r"\s+")
# Control characters, and the lone surrogates and noncharacters that XML 1.0 cannot carry.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# Characters that nobody sees and that make two equal texts differ.
_INVISIBLE = re.compile("[\u200b\u2060\ufeff]")
# With its semicolon: "R&D" and "AT&T" are no entities.
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# A shop that encodes on writing and on showing encodes twice.
_MOST_ENCODINGS = 3
# NFC would replace these ideographs, of which names are made, by others that look alike.
_COMPOSED = re.compile("[^\uf900-\ufaff\U0002f800-\U0002fa1f]+")


def normal(text: str) -> str:
    """Return a text on one line, in common widths, without entities of HTML and double spaces.

    Unlike NFKC this keeps what means something: 10⁵ stays 10⁵, ½ stays ½, ㎡ stays ㎡.
    """
    if text.isascii() and text.isprintable() and "  " not in text and "&" not in text:
        return text.strip()  # nothing to normalise, which is most of what there is
    text = narrow(_INVISIBLE.sub("", decoded(text)))
    return _SPACES.sub(" ", _UNPRINTABLE.sub(" ", text)).strip()


def narrow(text: str) -> str:
    """Return a text with full-width letters, digits and signs in their common width."""
    if text.isascii():
        return text
    return _COMPOSED.sub(
        lambda found: unicodedata.normalize("NFC", found.group()), text.translate(_WIDTHS)
    )


def decoded(text: str) -> str:
    """Return a text without entities of HTML (`&amp;`, `&#8211;`), encoded once or twice."""
    for _ in range(_MOST_ENCODINGS):
        before = text
        text = _ENTITY.sub(lambda found: html.unescape(found.group()), text)
        if text == before:
            break
    return text


def _widths() -> dict[int, str]:
    """Return the characters that differ from another one by their width alone."""
    table = {}
    for place in (0x3000, *range(0xFF01, 0xFFEF)):
        form, _, other = unicodedata.decomposition(chr(place)).partition(" ")
        if form in ("<wide>", "<narrow>"):
            table[place] = "".join(chr(int(each, 16)) for each in other.split())
    return table


_WIDTHS = _widths()
