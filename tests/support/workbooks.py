"""Workbooks that nobody should have handed in: each with a word of what is wrong with it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import escape

from openpyxl import Workbook

SHEET = "客户识别"
HEADINGS = ("决定", "SAP客户号", "订单号", "校验码")


def _book(title: str, *rows: tuple[str, ...]) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _good() -> bytes:
    return _book(SHEET, HEADINGS)


def with_parts(parts: dict[str, bytes], content: bytes | None = None) -> bytes:
    """Return a good workbook with these parts put in the place of its own, or beside them."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content or _good())) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new,
    ):
        for name in old.namelist():
            if name not in parts:
                new.writestr(name, old.read(name))
        for name, each in parts.items():
            new.writestr(name, each)
    return out.getvalue()


def sheet_of(rows: str, before: str = "") -> bytes:
    """Return the XML of a sheet with the headings and these rows behind them."""
    cells = "".join(f'<c t="inlineStr"><is><t>{escape(each)}</t></is></c>' for each in HEADINGS)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{before}<worksheet'
        ' xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        f'<row r="1">{cells}</row>{rows}</sheetData></worksheet>'
    ).encode()


_FIRST = "xl/worksheets/sheet1.xml"


def _sheet(rows: str, before: str = "") -> Callable[[], bytes]:
    return lambda: with_parts({_FIRST: sheet_of(rows, before)})


def _bomb() -> bytes:
    return with_parts({"xl/sharedStrings.xml": b"<sst>" + b" " * (40 * 2**20) + b"</sst>"})


def _lying() -> bytes:
    """A bomb whose directory says that it is small."""
    content = bytearray(with_parts({"xl/theme/theme1.xml": b"<a>" + b" " * (64 * 2**20)}))
    told = (64 * 2**20 + 3).to_bytes(4, "little")
    assert told in content
    return bytes(content).replace(told, (100).to_bytes(4, "little"))


_LAUGHS = "<!DOCTYPE w [<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" if n > 1 else f"<!ENTITY a1 '{'&a;' * 10}'>"
    for n in range(1, 10)
) + "]>"  # fmt: skip

# What it is → (how it is made, words of what is said of it).
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "no workbook"),
    "half": (lambda: _good()[:900], "no workbook"),
    "csv": (lambda: "决定,SAP客户号".encode(), "no workbook"),
    "old or locked": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "password"),
    "25 MB": (lambda: b"PK\x03\x04" + bytes(25 * 2**20), "too large"),
    "bomb": (_bomb, "too large: unpacked"),
    "lying bomb": (_lying, "workbook"),
    "many parts": (
        lambda: with_parts({f"xl/x{n}.xml": b"<a/>" for n in range(600)}),
        "too large: parts",
    ),
    "laughs": (_sheet('<row r="2"><c t="str"><v>&a9;</v></c></row>', _LAUGHS), "document type"),
    "outside": (
        _sheet("", "<!DOCTYPE w SYSTEM 'http://127.0.0.1:9/x.dtd'>"),
        "document type",
    ),
    "doctype in UTF-16": (
        lambda: with_parts(
            {_FIRST: "<?xml version='1.0' encoding='UTF-16'?><!DOCTYPE w><w/>".encode("utf-16")}
        ),
        "document type",
    ),
    "macros": (lambda: with_parts({"xl/vbaProject.bin": b"x"}), "macros"),
    "links": (
        lambda: with_parts({"xl/externalLinks/externalLink1.xml": b"<a/>"}),
        "links to other files",
    ),
    "connections": (lambda: with_parts({"xl/connections.xml": b"<a/>"}), "connections"),
    "embedded": (lambda: with_parts({"xl/embeddings/a.bin": b"x"}), "embedded"),
    "million rows": (
        lambda: with_parts(
            {_FIRST: sheet_of("".join(f'<row><c t="n"><v>{n}</v></c></row>'
                                      for n in range(250_000)))}
        ),
        "more than 10000 rows",
    ),
    "row beyond the last": (
        _sheet('<row r="99999999999"><c t="n"><v>1</v></c></row>'),
        "more than 1048576 rows",
    ),
    "deep": (_sheet("<row>" * 200_000), "ParseError"),
    "torn": (lambda: with_parts({_FIRST: sheet_of("")[:-40] + b"<row"}), "cannot be read whole"),
    "number of 5,000 digits": (
        _sheet(f'<row r="2"><c t="n"><v>{"9" * 5000}</v></c></row>'),
        "cannot be read whole",
    ),
    "wrong sheet": (
        lambda: _book("Sheet", HEADINGS), "no sheet 客户识别",
    ),
    "other columns": (lambda: _book(SHEET, ("a", "b")), "first columns are not"),
}  # fmt: skip


def write(folder: Path) -> dict[str, tuple[Path, str]]:
    """Write all of them into a folder, and return where each lies and what is said of it."""
    made = {}
    for number, (name, (make, words)) in enumerate(HOSTILE.items()):
        path = folder / f"{number}.xlsx"
        path.write_bytes(make())
        made[name] = (path, words)
    return made
