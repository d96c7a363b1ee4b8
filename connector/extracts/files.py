"""Writes tables as CSV and XLSX: complete or absent, and the same bytes for the same rows."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import xlsxwriter

from connector.extracts.table import Cell, Column, Kind, Table
from connector.extracts.text import neutral, plain

# A workbook carries its time of making; a fixed one keeps equal content equal to the byte.
_MADE = datetime(2000, 1, 1)
_FORMATS = {
    Kind.TEXT: "@",
    Kind.INTEGER: "0",
    Kind.QUANTITY: "#,##0.###",
    Kind.AMOUNT: "#,##0.00",
    Kind.DATE: "yyyy-mm-dd",
    Kind.TIME: "yyyy-mm-dd hh:mm:ss",
}
_WIDEST = 42


@dataclass(frozen=True)
class Written:
    """One file as it lies there."""

    path: Path
    sha256: str
    rows: int


def csv_bytes(table: Table, zone: ZoneInfo) -> bytes:
    """Return a table as CSV: RFC 4180, UTF-8 with byte order mark, heading line of names."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([column.name for column in table.columns])
    for row in table.rows:
        writer.writerow(
            [
                plain(value, column.kind, zone)
                for value, column in zip(row, table.columns, strict=True)
            ]
        )
    return out.getvalue().encode("utf-8-sig")


def workbook_bytes(tables: Sequence[Table], zone: ZoneInfo, title: str) -> bytes:
    """Return tables as one XLSX workbook, a sheet each, headings in Chinese with English below."""
    out = io.BytesIO()
    workbook = xlsxwriter.Workbook(
        out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    workbook.set_properties({"title": title, "created": _MADE})
    heading = workbook.add_format({"bold": True, "bg_color": "#D9E2F3", "border": 1})
    below = workbook.add_format({"italic": True, "font_color": "#666666", "border": 1})
    formats = {kind: workbook.add_format({"num_format": code}) for kind, code in _FORMATS.items()}
    totals = {
        kind: workbook.add_format({"num_format": code, "bold": True, "top": 1})
        for kind, code in _FORMATS.items()
    }
    for table in tables:
        sheet = workbook.add_worksheet(table.chinese[:31])
        for index, column in enumerate(table.columns):
            sheet.write_string(0, index, column.chinese, heading)
            sheet.write_string(1, index, column.english, below)
            sheet.set_column(index, index, _width(table, index), formats[column.kind])
        for number, row in enumerate(table.rows, start=2):
            for index, (value, column) in enumerate(zip(row, table.columns, strict=True)):
                _write(sheet, number, index, value, column, formats[column.kind], zone)
        _total(sheet, table, totals)
        sheet.freeze_panes(2, 1)
        if table.rows:
            sheet.autofilter(1, 0, len(table.rows) + 1, len(table.columns) - 1)
    workbook.close()
    return out.getvalue()


def publish(folder: Path, files: Mapping[str, tuple[bytes, int]]) -> list[Written]:
    """Put files into a folder, each written aside and renamed; a manifest comes last.

    `files` maps a name to its bytes and number of rows. A reader that waits for the manifest
    never sees half a set. Equal content is left untouched, so that its time stays too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = [
        Written(put(folder / name, content), hashlib.sha256(content).hexdigest(), rows)
        for name, (content, rows) in files.items()
    ]
    _sync(folder)
    return written


def manifest_bytes(
    tables: Sequence[Table], written: Sequence[Written], facts: Mapping[str, Any]
) -> bytes:
    """Return the manifest of a set of files: hashes, rows and control totals."""
    body = {
        **facts,
        "files": [
            {"name": file.path.name, "sha256": file.sha256, "rows": file.rows} for file in written
        ],
        "tables": [
            {
                "name": table.name,
                "rows": len(table.rows),
                "sums": {name: str(value) for name, value in table.sums().items()},
            }
            for table in tables
        ],
    }
    return json.dumps(body, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def put(path: Path, content: bytes) -> Path:
    """Write one file aside, bring it to disk and rename it; equal content is left untouched."""
    if path.exists() and path.read_bytes() == content:
        return path
    aside = path.with_name(f".{path.name}.part")
    with aside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    return path


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(
    sheet: Any, row: int, index: int, value: Cell, column: Column, style: Any, zone: ZoneInfo
) -> None:
    if value is None:
        sheet.write_blank(row, index, None, style)
    elif isinstance(value, datetime):
        sheet.write_datetime(row, index, value.astimezone(zone).replace(tzinfo=None), style)
    elif isinstance(value, date):
        sheet.write_datetime(row, index, datetime(value.year, value.month, value.day), style)
    elif isinstance(value, Decimal | int) and column.kind is not Kind.TEXT:
        sheet.write_number(row, index, float(value), style)
    else:
        sheet.write_string(row, index, neutral(str(value)), style)


def _total(sheet: Any, table: Table, styles: Mapping[Kind, Any]) -> None:
    sums = table.sums()
    if not table.rows or not sums:
        return
    last = len(table.rows) + 2
    for index, column in enumerate(table.columns):
        if column.name in sums:
            sheet.write_number(last, index, float(sums[column.name]), styles[column.kind])
    if table.columns[0].name not in sums:
        sheet.write_string(last, 0, "合计 Total", styles[Kind.TEXT])


def _width(table: Table, index: int) -> int:
    column = table.columns[index]
    longest = max(
        (_columns_wide(str(row[index])) for row in table.rows[:500] if row[index] is not None),
        default=0,
    )
    return min(
        max(longest, _columns_wide(column.chinese), _columns_wide(column.english)) + 2, _WIDEST
    )


def _columns_wide(text: str) -> int:
    return sum(2 if ord(character) > 0x2E7F else 1 for character in text)
