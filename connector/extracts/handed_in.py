"""Opens a workbook that somebody handed in: bounded in size, rows and time, and cells alone.

Whoever fills a sheet in may send anything. What is unpacked is bounded before it is parsed, no
part may declare entities, and nothing that acts (macros, links to other files, connections) is
let in. Only values that were typed count: the result of a formula is whatever its file says it is.
"""

from __future__ import annotations

import io
import unicodedata
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.parsers import expat

from connector.errors import Misconfigured
from connector.wording import Said, sheets

# A sheet of 5,000 buyers with all its texts is 6 MB unpacked. The reader takes 5 MB a second, and
# ten times as much memory where a sheet does not say how large it is.
MOST_BYTES = 20 * 2**20
MOST_UNPACKED = 10 * 2**20
MOST_PARTS = 500
MOST_ROWS = 10_000
# A cell of Excel's holds 32,767 characters.
MOST_CHARACTERS = 32_767

_LAST_ROW = 1_048_576  # of a sheet of Excel's
_OLE = b"\xd0\xcf\x11\xe0"
_BLOCK = 64 * 2**10
_ACTING = {
    "xl/vbaproject": "macros / 宏",
    "xl/externallinks/": "links to other files / 外部链接",
    "xl/connections": "connections / 数据连接",
    "xl/embeddings/": "embedded files / 嵌入文件",
    "xl/activex/": "controls / 控件",
}


@dataclass(frozen=True)
class Row:
    """One row that is not empty: its number in the sheet, its cells as text.

    `formulas` are the headings of columns that hold a formula; their cells are empty.
    """

    number: int
    cells: tuple[str, ...]
    formulas: tuple[str, ...] = ()


def content_of(path: Path) -> bytes:
    """Return the bytes of a file, no more than may be read of a workbook and one more.

    Raises Misconfigured.
    """
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise Misconfigured(
            sheets.DAMAGED(what=error.strerror or type(error).__name__),
            place=str(path),
            remedy="name a file that is there and may be read",
        ) from None


def read_rows(content: bytes, name: str, sheet: str, headings: Sequence[str]) -> list[Row]:
    """Return the rows below the first of a sheet whose first columns have these headings.

    Raises Misconfigured, which says what is wrong with the file called `name` and what to do.
    """
    try:
        _bounded(content)
        _looked_through(content)
        with warnings.catch_warnings():
            # The reader tells of what it leaves out: drop-downs, dates that are none.
            warnings.simplefilter("ignore")
            return list(_rows(content, sheet, headings))
    except _Unfit as unfit:
        raise Misconfigured(unfit.said, place=name, remedy=unfit.remedy) from None


class _Unfit(Exception):
    def __init__(self, said: Said, remedy: Said | None = None) -> None:
        super().__init__(said)
        self.said = said
        self.remedy = remedy or sheets.FILL_IN_OURS()


def _bounded(content: bytes) -> None:
    if len(content) > MOST_BYTES:
        raise _Unfit(sheets.TOO_LARGE(what="file / 文件", most=_mb(MOST_BYTES)))
    if content.startswith(_OLE):
        raise _Unfit(sheets.OLD_OR_LOCKED(), sheets.SAVE_AS_XLSX())


def _looked_through(content: bytes) -> None:
    """Look at every part that will be parsed, before it is."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            if len(parts) > MOST_PARTS:
                raise _Unfit(sheets.TOO_LARGE(what="parts / 内容部分", most=MOST_PARTS))
            for part in parts:
                for name, what in _ACTING.items():
                    if part.filename.lower().lstrip("/").startswith(name):
                        raise _Unfit(sheets.HOLDS_MORE_THAN_CELLS(what=what))
            left = MOST_UNPACKED
            for part in parts:
                # Whatever its name, a part may be said to be the sheet.
                with archive.open(part) as opened:
                    left = _part(opened, left, part.filename.lower())
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError,
            ValueError, OSError) as error:  # fmt: skip
        raise _Unfit(sheets.NO_WORKBOOK(what=type(error).__name__)) from None


def _part(opened: Any, left: int, name: str) -> int:
    """Unpack a part without keeping it, and return how much is left of what may be unpacked."""
    parser = expat.ParserCreate()
    seen: list[str] = []
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = lambda *_: seen.append("element")
    # A document type can only stand before the first element.
    while block := opened.read(_BLOCK):
        left -= len(block)
        if left < 0:
            raise _Unfit(sheets.TOO_LARGE(what="unpacked / 解压后", most=_mb(MOST_UNPACKED)))
        if not seen:
            try:
                parser.Parse(block)
            except expat.ExpatError as error:
                if name.endswith((".xml", ".rels")):
                    raise _Unfit(sheets.DAMAGED(what=str(error))) from None
                seen.append("picture")
    return left


def _refuse_doctype(*_: object) -> None:
    raise _Unfit(sheets.HOLDS_MORE_THAN_CELLS(what="a document type / 文档类型声明"))


def _rows(content: bytes, sheet: str, headings: Sequence[str]) -> Iterator[Row]:
    from openpyxl import load_workbook

    try:
        book = load_workbook(io.BytesIO(content), read_only=True, keep_links=False)
    except Exception as error:
        raise _Unfit(sheets.NO_WORKBOOK(what=type(error).__name__)) from None
    try:
        if sheet not in book.sheetnames:
            raise _Unfit(sheets.NO_SHEET(sheet=sheet))
        told = _cells(book[sheet], len(headings))
        _, first = next(told, (1, ()))
        if [_text(cell.value) for cell in first] != list(headings):
            raise _Unfit(sheets.OTHER_COLUMNS(columns=tuple(headings)))
        many, nothing = 0, None
        for number, cells in told:
            # Rows that a sheet leaves out are one and the same tuple, up to a million of it.
            if cells is nothing:
                if number > _LAST_ROW:
                    raise _Unfit(sheets.SHEET_TOO_LONG(most=_LAST_ROW))
                continue
            row = _row(number, cells, headings)
            if row is None:
                nothing = cells
            else:
                many += 1
                if many > MOST_ROWS:
                    raise _Unfit(sheets.SHEET_TOO_LONG(most=MOST_ROWS))
                yield row
    finally:
        book.close()


def _cells(sheet: Any, width: int) -> Iterator[tuple[int, Sequence[Any]]]:
    """Give the rows of a sheet; whatever its reader raises is a damaged file."""
    rows = enumerate(sheet.iter_rows(max_col=width), start=1)
    while True:
        try:
            number, cells = next(rows)
        except StopIteration:
            return
        except Exception as error:
            raise _Unfit(sheets.DAMAGED(what=type(error).__name__)) from None
        yield number, cells


def _row(number: int, cells: Sequence[Any], headings: Sequence[str]) -> Row | None:
    formulas = tuple(
        heading for heading, cell in zip(headings, cells, strict=False) if cell.data_type == "f"
    )
    texts = tuple("" if cell.data_type == "f" else _text(cell.value) for cell in cells)
    if not any(texts) and not formulas:
        return None
    return Row(number, texts + ("",) * (len(headings) - len(texts)), formulas)


def _text(value: Any) -> str:
    """Return a cell as text; a number typed into it has no decimals, full-width signs are plain."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return unicodedata.normalize("NFKC", str(value)[:MOST_CHARACTERS]).strip()


def _mb(many: int) -> str:
    return f"{many // 2**20} MB"
