"""Reads the sheets of a workbook (XLSX) row by row: what is in memory does not grow with the rows.

Whoever saved it: values are read as the file holds them, texts in the cell or in the shared table.
"""

from __future__ import annotations

import os
import re
import tempfile
import zipfile
from array import array
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from lxml import etree

_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STRICT = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"
# What reading a file that is no workbook, or a broken one, ends with.
UNREADABLE = (zipfile.BadZipFile, etree.XMLSyntaxError, KeyError, ValueError, OSError, EOFError)


class Cell(NamedTuple):
    """One cell: its text as the file has it, whether that is a number, and its formula."""

    text: str
    number: bool
    formula: str


class Workbook:
    """An open workbook; close it, or use it as a context manager."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path)
        self._parts = dict(self._named())
        self._texts: _Texts | None = None

    def __enter__(self) -> Workbook:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._zip.close()
        if self._texts is not None:
            self._texts.close()

    @property
    def sheets(self) -> list[str]:
        """The names of the sheets, in their sequence, hidden ones too."""
        return list(self._parts)

    def rows(self, sheet: str) -> Iterator[tuple[int, dict[int, Cell]]]:
        """Give (row, column → cell), both from 0, for each row that holds a value or a formula."""
        at = -1
        with self._zip.open(self._parts[sheet]) as file:
            for row in _elements(file, "row"):
                at = int(row.get("r")) - 1 if row.get("r") else at + 1
                cells, column = {}, -1
                for each in row:
                    place = each.get("r")
                    column = _column(place) if place else column + 1
                    cell = self._cell(each)
                    if cell.text or cell.formula:
                        cells[column] = cell
                if cells:
                    yield at, cells

    def _cell(self, element: Any) -> Cell:
        kind = element.get("t", "n")
        text = formula = ""
        for child in element:
            tag = child.tag
            if tag.endswith("}v"):
                text = child.text or ""
            elif tag.endswith("}f"):
                formula = child.text or "="
            elif tag.endswith("}is"):
                text = _words(child)
        if kind == "s" and text:
            text = self._shared(int(text))
        elif kind == "str":
            text = _plain(text)
        return Cell(text, kind == "n" and bool(text), formula)

    def _shared(self, at: int) -> str:
        if self._texts is None:
            with self._zip.open("xl/sharedStrings.xml") as file:
                self._texts = _Texts(_words(each) for each in _elements(file, "si"))
        return self._texts[at]

    def _named(self) -> Iterator[tuple[str, str]]:
        targets = {}
        with self._zip.open("xl/_rels/workbook.xml.rels") as file:
            for each in _elements(file, "Relationship"):
                targets[each.get("Id")] = each.get("Target")
        with self._zip.open("xl/workbook.xml") as file:
            for each in _elements(file, "sheet"):
                target = targets[each.get(_RELATION) or each.get(_STRICT)]
                yield each.get("name"), target[1:] if target[0] == "/" else f"xl/{target}"


class _Texts:
    """The texts that cells share. They wait in a file without a name; only their places do not."""

    def __init__(self, texts: Iterator[str]) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self._ends = array("Q", [0])
        for each in texts:
            self._ends.append(self._ends[-1] + self._file.write(each.encode()))
        self._file.flush()

    def __getitem__(self, at: int) -> str:
        if not 0 <= at < len(self._ends) - 1:
            raise ValueError(f"there is no text {at}")
        begin = self._ends[at]
        return os.pread(self._file.fileno(), self._ends[at + 1] - begin, begin).decode()

    def close(self) -> None:
        self._file.close()


def _elements(file: Any, name: str) -> Iterator[Any]:
    """Give the elements of a name, and forget each when the next is asked for."""
    parsed = etree.iterparse(
        file, events=("end",), tag=f"{{*}}{name}", resolve_entities=False, no_network=True
    )
    for _, element in parsed:
        yield element
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]


def _words(element: Any) -> str:
    """Return a text that may be of several runs; how it is pronounced is none of it."""
    texts = [
        each.text or ""
        for each in element.iter("{*}t")
        if not each.getparent().tag.endswith("}rPh")
    ]
    return _plain("".join(texts))


def _plain(text: str) -> str:
    """Return a text in which characters that XML cannot hold stand as `_x000D_`."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _column(place: str) -> int:
    number = 0
    for letter in place:
        if not letter.isalpha():
            break
        number = number * 26 + ord(letter.upper()) - 64
    return number - 1
