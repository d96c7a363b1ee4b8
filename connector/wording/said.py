"""English text that knows which sentence it is, so that it can be said in Chinese too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from string import Formatter
from types import MappingProxyType
from typing import Any, TypeAlias

from connector.wording.id_numbers import masked

# What stands in the place of a name in a sentence: a text, several, or another sentence.
Value: TypeAlias = "str | tuple[str, ...]"
# How a text is told in a file: in the languages that the site's people read.
Say: TypeAlias = "Callable[[Said], str]"
_NONE: Mapping[str, Value] = {}
# Numbers of orders, customers and documents, as long as they may be: people act by them.
_OURS = frozenset({"number", "numbers"})


class Said(str):
    """A text of the connector's in English: its `code` in the catalogue, and what it is about.

    Words that are not the connector's own (another system's refusal, a person's remark, what an
    older version stored) have no code and read the same in every language.
    """

    __slots__ = ("code", "values")

    code: str
    values: Mapping[str, Value]

    def __new__(cls, text: str, code: str = "", values: Mapping[str, Value] = _NONE) -> Said:
        """Make one of its three parts."""
        said = super().__new__(cls, text)
        said.code = code
        said.values = values
        return said

    @property
    def chinese(self) -> str:
        """The text in Chinese; the English one where the catalogue has no such sentence."""
        sentence = _CATALOGUE.get(self.code)
        if sentence is None or not sentence.names <= self.values.keys():
            return str(self)
        return sentence.chinese.format_map(
            {name: _in_chinese(value) for name, value in self.values.items()}
        )

    def with_each(self, change: Callable[[str], str]) -> Said:
        """Return it with everything changed that is not of the catalogue, as masking does."""
        return Said(
            change(self), self.code, {name: _changed(v, change) for name, v in self.values.items()}
        )


class Sentence:
    """One sentence of the catalogue. `{names}` stand for what it is said about.

    Called with these, it gives the text. `code` is what is stored: it stays when words change.
    """

    def __init__(self, code: str, english: str, chinese: str) -> None:
        if code in _CATALOGUE:
            raise ValueError(f"two sentences have the code {code}")
        self.code = code
        self.english = english
        self.chinese = chinese
        self.names = frozenset(name for _, name, _, _ in Formatter().parse(chinese) if name)
        _CATALOGUE[code] = self

    def __call__(self, **values: object) -> Said:
        """Say it. Lists are told with commas; whatever is no text is told as `str` tells it.

        ID numbers are masked here, whatever a reason is made of: see `id_numbers`.
        """
        held = {name: _held(name, value) for name, value in values.items()}
        text = self.english.format_map({name: _in_english(value) for name, value in held.items()})
        return Said(text, self.code, held)

    def worded(self, text: str) -> Said:
        """Say it in other English words."""
        return Said(text, self.code)


_CATALOGUE: dict[str, Sentence] = {}


def catalogue() -> Mapping[str, Sentence]:
    """Return all sentences by their codes."""
    return MappingProxyType(_CATALOGUE)


def quoted(text: object) -> Said:
    """Return words that are not ours: they read the same in every language.

    Of ID numbers that stand in them only so much is left as may be told.
    """
    return Said(masked(str(text)))


def both(text: Said) -> str:
    """Tell a text as headings stand in files: in Chinese, then in English."""
    return text.chinese if text.chinese == text else f"{text.chinese} / {text}"


def recorded(text: str) -> str | dict[str, Any]:
    """Return what is stored of a text: the text itself, and of a sentence its code and values."""
    if not isinstance(text, Said) or not text.code:
        return str(text)
    stored: dict[str, Any] = {"code": text.code, "text": str(text)}
    if text.values:
        stored["values"] = {
            name: [recorded(each) for each in value]
            if isinstance(value, tuple)
            else recorded(value)
            for name, value in text.values.items()
        }
    return stored


def recalled(stored: Any) -> Said:
    """Return the text that was stored, by whichever version."""
    if isinstance(stored, Mapping) and isinstance(stored.get("text"), str):
        values = stored.get("values") or {}
        return Said(
            stored["text"],
            str(stored.get("code") or ""),
            {
                name: tuple(map(recalled, value)) if isinstance(value, list) else recalled(value)
                for name, value in values.items()
            },
        )
    return Said(str(stored))


def _held(name: str, value: object) -> Value:
    if isinstance(value, list | tuple):
        return tuple(_text(name, each) for each in value)
    return _text(name, value)


def _text(name: str, value: object) -> str:
    # A member of an enumeration is a text too, and holds more than its words.
    if isinstance(value, Said):
        return value
    return str(value) if name in _OURS else masked(str(value))


def _in_english(value: Value) -> str:
    return ", ".join(value) if isinstance(value, tuple) else value


def _in_chinese(value: Value) -> str:
    if isinstance(value, tuple):
        return "、".join(map(_in_chinese, value))
    return value.chinese if isinstance(value, Said) else value


def _changed(value: Value, change: Callable[[str], str]) -> Value:
    if isinstance(value, tuple):
        return tuple(_one_changed(each, change) for each in value)
    return _one_changed(value, change)


def _one_changed(value: str, change: Callable[[str], str]) -> str:
    return value.with_each(change) if isinstance(value, Said) else change(value)


_BOTH = Sentence("both", "{one}; {other}", "{one}；{other}")


def together(sentences: Sequence[str]) -> Said:
    """Return several sentences as one, divided by semicolons."""
    if not sentences:
        return Said("")
    first, *rest = (each if isinstance(each, Said) else quoted(each) for each in sentences)
    for each in rest:
        first = _BOTH(one=first, other=each)
    return first
