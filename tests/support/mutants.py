"""Single edits of the shipped mapping files, such as a person makes by mistake."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from connector.mapping.load import Folder
from tests.support.mapping_oracle import MAPPINGS


@dataclass(frozen=True)
class Mutant:
    """One edit: `file` then holds `text`; `line` is where it was made."""

    kind: str
    file: str
    line: int
    was: str
    now: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind} {self.file}:{self.line}: {self.was.strip()} → {self.now.strip()}"


def _shorter(match: re.Match[str]) -> str:
    """Leave out a letter in the middle of the last word of a path."""
    head, _, last = match[2].rpartition(".")
    place = len(last) // 2
    short = last[:place] + last[place + 1 :]
    return f"{match[1]}{head}.{short}" if head else f"{match[1]}{short}"


Edit = tuple[str, str, str | Callable[[re.Match[str]], str]]
_NAME = r"([A-Za-z_.]*[A-Za-z_]{4,})"
HARMFUL: tuple[Edit, ...] = (
    # Names below `value.` are the site's own: the shop keeps whatever it is given there.
    ("rename target", rf"(field: )(?!value\.){_NAME}", _shorter),
    ("rename source", rf"(source: ){_NAME}(?=[,}}\n]|$)", _shorter),
    ("rename source", rf"(each: ){_NAME}(?=[,}}\n]|$)", _shorter),
    ("rename operation", rf"(operation: |function: ){_NAME}", _shorter),
    ("rename value", rf"(values: \{{\w+: ){_NAME}", _shorter),
    ("rename name", r"^(\s+[A-Z0-9]+: )([a-z_]{4,})", _shorter),
    ("wrong type", r", convert: \[\{(?:decimal|date)[^]]*\]", ""),
    ("wrong type", r", convert: \[\{to: text\}\]", ", convert: [{to: integer}]"),
    ("wrong type", r"\{date: \{format: (date|time)[^}]*\}", '{date: {format: "%d.%m.%Y"}'),
    ("wrong decimals", r"places: [234]", "places: 6"),
    ("wrong decimals", r"places: 2", "places: 0"),
    ("too long", r"max_length: (\d+)", r"max_length: \g<1>0"),
    ("too long constant", r"constant: ([A-Z]+)\b", r"constant: \1\1\1\1\1\1"),
    ("wrong word", r"constant: completed", "constant: complete"),
    ("wrong word", r"== 'person'", "== 'persn'"),
    ("wrong word", r"!= 'person'", "!= 'persn'"),
    ("wrong word", r"== 'company'", "== 'compny'"),
    ("wrong word", r"key=='_(\w\w)\w", r"key=='_\1"),
    ("wrong word", r"default: (ordinary|unknown)", r"default: \1x"),
    ("bad lookup", r"table: (\w+)", r"table: \1x"),
    ("bad JMESPath", rf"(source: ){_NAME}(?=[,}}\n]|$)", r'\1"\2["'),
    ("bad JMESPath", rf"(source: ){_NAME}(?=[,}}\n]|$)", r'\1"upper(\2)"'),
    ("bad JMESPath", r"join\(", "jion("),
    ("bad key", r"required: true", "requierd: true"),
    ("bad key", r"source: ", "sorce: "),
    ("bad word", r"required: true", "required: yes"),
    ("bad key", r"convert: ", "covert: "),
    ("bad key", r"field: ", "filed: "),
    ("bad outcome", r"is: ok", "is: rejected"),
    ("bad outcome", r"(LOCKED: )passing", r"\1rejected"),
    ("bad outcome", r"(DUPLICATE_EXTERNAL_NUMBER|ALREADY_CANCELLED): exists", r"\1: rejected"),
    ("bad outcome", r"(NOT_FOUND: )absent", r"\1rejected"),
    ("bad outcome", r"DUPLICATE_EXTERNAL", "DUPLICATE_EXTRNAL"),
    ("bad outcome", r'"\*": rejected', '"*": passing'),
    ("double key", r"(field: [\w.]+), ", r"\1, \1, "),
    ("indentation", r"^(  +)(?=[-a-z])", r"\1 "),
    ("indentation", r"^ (?= +[-a-z])", ""),
    ("drop", r"^.*required: true.*\n", ""),
    ("drop", r"^  (DUPLICATE_EXTERNAL_NUMBER|LOCKED|NOT_FOUND|ALREADY_CANCELLED).*\n", ""),
)
_WORDS: tuple[Edit, ...] = (
    ("bad lookup target", r",(\w+)$", r",\1XXXX"),
    ("lookup row dropped", r"^.*\n", ""),
)
HARMLESS: tuple[Edit, ...] = (
    ("comment", r"$", " # 注释 a comment"),
    ("quotes", rf"(source: ){_NAME}(?=[,}}])", r'\1"\2"'),
    ("spaces", r"(?<=\w): (?=\w)", ":  "),
)
_TABLES = ("dms_invoice_kind", "dms_status", "woocommerce_status")


def harmful(folder: Folder) -> Iterator[Mutant]:
    """Give the edits that may fail or corrupt at run time."""
    for name in MAPPINGS:
        yield from _edited(folder, f"{name}.yaml", HARMFUL)
    for table in _TABLES:
        yield from _edited(folder, f"lookups/{table}.csv", _WORDS, first=2)


def harmless(folder: Folder) -> Iterator[Mutant]:
    """Give edits that change nothing of what the mappings do."""
    for name in MAPPINGS:
        yield from _edited(folder, f"{name}.yaml", HARMLESS)


def _edited(folder: Folder, file: str, edits: tuple[Edit, ...], first: int = 1) -> Iterator[Mutant]:
    text = folder.files[file].decode("utf-8")
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        if number < first or line.lstrip().startswith("#"):
            continue
        for kind, pattern, by in edits:
            now = re.sub(pattern, by, line, count=1, flags=re.MULTILINE)
            if now != line:
                whole = "".join([*lines[: number - 1], now, *lines[number:]])
                yield Mutant(kind, file, number, line, now, whole)
