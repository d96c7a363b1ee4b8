"""Writes tables as CSV and XLSX: complete or absent, and the same bytes for the same rows."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connector.extracts.table import Table
from connector.extracts.text import plain
from connector.extracts.workbook import Book


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
    book = Book(out, title, zone)
    for table in tables:
        sheet = book.sheet(table.chinese, table.columns)
        for row in table.rows:
            sheet.add(row)
    book.close()
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
    sync(folder)
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
                "sheet": table.sheet(),
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


def sync(folder: Path) -> None:
    """Bring a folder's renames to disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
