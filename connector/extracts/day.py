"""Writes finance's extract of a business day in one pass: CSV, workbook and manifest together.

What is in memory does not grow with the rows. The folder is whole or not: files are written aside
and renamed, and the manifest, without which nothing is finished, goes first and comes last.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

from connector import __version__
from connector.extracts.files import Written
from connector.extracts.layout import Layout, layout_of
from connector.extracts.records import TABLES, Record
from connector.extracts.summary import BookSums, Figures, summary
from connector.extracts.table import told_sheet
from connector.extracts.text import plain
from connector.extracts.workbook import Book, Shade, Sheet
from connector.mapping import MappingSet

MANIFEST = "manifest.json"
_ASIDE = ".part-"
_SUMMARY = "汇总 Summary"
_TITLES = {
    "orders": "订单 Orders",
    "lines": "订单行 Lines",
    "shipments": "发货 Shipments",
    "invoices": "发票 Invoices",
    "refunds": "退款 Refunds",
    "open_invoices": "退款发票未回收 Open",
    "open_money": "未结款项 Open money",
    "differences": "差异 Differences",
    "promises": "时效 Promises",
}
# The worst comes first: the first shade that fits colours the row.
_AGES = (Shade("age", 8, "#F4B6B6"), Shade("age", 3, "#FAD7AC"), Shade("age", 1, "#FFF2CC"))


@dataclass(frozen=True)
class Day:
    """Which day an extract is of. `cut` is when the newest thing happened that it contains."""

    day: date
    begins: datetime
    ends: datetime
    cut: datetime
    books: tuple[BookSums, ...] = ()


def write_day(
    about: Day,
    records: Iterable[tuple[str, Record]],
    mappings: MappingSet,
    folder: Path,
    zone: ZoneInfo,
) -> list[Written]:
    """Write the extract of a day from (table, record), each table in its own sequence.

    Returns the files, the manifest last. Equal content is left untouched. Raises Misconfigured
    for a layout that cannot be used; then nothing was changed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{_ASIDE}*"):
        shutil.rmtree(left)  # by a process that was killed
    layouts = {table: layout_of(mappings, table) for table in TABLES}
    with TemporaryDirectory(prefix=_ASIDE, dir=folder) as aside:
        sums, rows, shown = _write(about, records, layouts, Path(aside), zone)
        written = _in_place(folder, Path(aside), rows)
    manifest = _manifest(about, layouts, sums, shown, written, mappings.version, zone)
    path = folder / MANIFEST
    if not path.exists() or path.read_bytes() != manifest:
        _replace(path, manifest)
    return [*written, Written(path, hashlib.sha256(manifest).hexdigest(), len(TABLES))]


class _Tables:
    """The open files of all tables."""

    def __init__(
        self, book: Book, layouts: Mapping[str, Layout], aside: Path, zone: ZoneInfo
    ) -> None:
        self._layouts = layouts
        self._zone = zone
        self.sheets: dict[str, Sheet] = {}
        self._files = {}
        self._writers = {}
        for table, layout in layouts.items():
            shades = _AGES if table in ("differences", "open_invoices", "open_money") else ()
            self.sheets[table] = book.sheet(_TITLES[table], layout.columns, shades)
            file = (aside / f"{table}.csv").open("w", encoding="utf-8-sig", newline="")
            self._files[table] = file
            self._writers[table] = csv.writer(file, lineterminator="\r\n")
            self._writers[table].writerow([column.name for column in layout.columns])

    def add(self, table: str, record: Record) -> None:
        layout = self._layouts[table]
        cells = layout.row(record)
        self.sheets[table].add(cells)
        self._writers[table].writerow(
            [
                plain(cell, column.kind, self._zone)
                for cell, column in zip(cells, layout.columns, strict=True)
            ]
        )

    def close(self) -> None:
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())
            file.close()


def _write(
    about: Day,
    records: Iterable[tuple[str, Record]],
    layouts: Mapping[str, Layout],
    aside: Path,
    zone: ZoneInfo,
) -> tuple[dict[str, dict[str, Decimal]], dict[str, int], dict[str, str | float]]:
    """Write all files aside.

    Returns the control totals by table, the rows by file, and what the summary shows by cell.
    """
    workbook = aside / f"extract-{about.day:%Y-%m-%d}.xlsx"
    book = Book(workbook, f"对账 Reconciliation {about.day:%Y-%m-%d}", zone)
    front = book.worksheet(_SUMMARY)
    tables = _Tables(book, layouts, aside, zone)
    figures = Figures()
    try:
        for table, record in records:
            tables.add(table, record)
            figures.count(table, record)
    finally:
        tables.close()
    shown = summary(
        book, front, about.day, (about.begins, about.ends, about.cut), about.books, figures
    )
    book.close()
    with workbook.open("rb") as file:
        os.fsync(file.fileno())
    rows = {f"{table}.csv": sheet.rows for table, sheet in tables.sheets.items()}
    return (
        {table: sheet.sums for table, sheet in tables.sheets.items()},
        {**rows, workbook.name: figures.orders},
        shown,
    )


def _in_place(folder: Path, aside: Path, rows: Mapping[str, int]) -> list[Written]:
    hashes = {name: _hash(aside / name) for name in rows}
    changed = [
        name
        for name, digest in hashes.items()
        if not (folder / name).exists() or _hash(folder / name) != digest
    ]
    if changed:
        # A reader must not take new files for those that the old manifest speaks of.
        (folder / MANIFEST).unlink(missing_ok=True)
    for name in changed:
        (aside / name).replace(folder / name)
    return [Written(folder / name, digest, rows[name]) for name, digest in hashes.items()]


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _manifest(
    about: Day,
    layouts: Mapping[str, Layout],
    sums: Mapping[str, Mapping[str, Decimal]],
    shown: Mapping[str, str | float],
    written: list[Written],
    version: str,
    zone: ZoneInfo,
) -> bytes:
    rows = {file.path.name: file.rows for file in written}
    body: dict[str, Any] = {
        "day": f"{about.day:%Y-%m-%d}",
        "orders_placed": {
            "after": about.begins.astimezone(zone).isoformat(),
            "until": about.ends.astimezone(zone).isoformat(),
        },
        "cut": about.cut.astimezone(zone).isoformat(),
        "software": __version__,
        "mappings": version,
        "files": [
            {"name": file.path.name, "sha256": file.sha256, "rows": file.rows} for file in written
        ],
        "tables": [
            {
                "name": table,
                "rows": rows[f"{table}.csv"],
                "sums": {name: str(value) for name, value in sums[table].items()},
                "columns": [column.name for column in layout.columns],
                "sheet": told_sheet(_TITLES[table], layout.columns),
                "layout": layout.version,
            }
            for table, layout in layouts.items()
        ],
        "summary": {"title": _SUMMARY, "cells": shown},
    }
    return json.dumps(body, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def _replace(path: Path, content: bytes) -> None:
    from connector.extracts.files import put, sync

    put(path, content)
    sync(path.parent)
