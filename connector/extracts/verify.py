"""Checks that an extract is whole and unchanged, and adds its files up anew.

The hash says that a file is the one that was written; its rows and control totals say that the
manifest speaks of what is in it, also where somebody made both anew. A workbook is read back too:
it shows what the tables' files hold.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from connector.extracts.agreement import Told, disagreements
from connector.extracts.table import Kind, Totals, column_of

_REMEDY = "build the extract again"
_MARK = "\ufeff"


def verify(folder: Path) -> list[str]:
    """Return what is wrong with the files of an extract; empty when nothing is."""
    manifest = folder / "manifest.json"
    try:
        body = json.loads(manifest.read_text(encoding="utf-8"))
        files = [
            (str(each["name"]), str(each["sha256"]), int(each["rows"])) for each in body["files"]
        ]
        tables = {
            f"{each['name']}.csv": (
                int(each["rows"]),
                {str(column): Decimal(total) for column, total in each["sums"].items()},
                each.get("columns"),
                tuple(Kind(kind) for kind in each.get("sheet", {}).get("kinds", ())),
            )
            for each in body["tables"]
        }
        sheets = [_sheet(each) for each in body["tables"] if "sheet" in each]
        summary = (
            (str(body["summary"]["title"]), dict(body["summary"]["cells"]))
            if "summary" in body
            else None
        )
    except FileNotFoundError:
        return [f"{manifest}: there is none — the extract is not complete; build it again"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, InvalidOperation) as error:
        return [f"{manifest}: unreadable ({error}) — {_REMEDY}"]
    findings = []
    for name, expected, rows in files:
        path = folder / name
        if not path.is_file():
            findings.append(f"{path}: missing — {_REMEDY}")
            continue
        try:
            if _hash(path) != expected:
                findings.append(f"{path}: changed since it was written — {_REMEDY}")
        except OSError as error:
            findings.append(f"{path}: cannot be read ({error.strerror}) — let this user read it")
            continue
        if name in tables:
            counted = tables[name][0]
            if counted != rows:
                findings.append(f"{manifest}: {name} has {rows} and {counted} rows — {_REMEDY}")
            findings += [f"{path}: {what} — {_REMEDY}" for what in _wrong(path, *tables[name])]
        elif path.suffix == ".xlsx" and len(sheets) == len(tables):
            found = disagreements(path, folder, sheets, summary)
            findings += [f"{path}: {what} — {_REMEDY}" for what in found]
    named = {name for name, _, _ in files}
    for name in tables:
        if name not in named:
            findings.append(f"{manifest}: tells of {name} and of no such file — {_REMEDY}")
    return findings


def _sheet(table: Mapping[str, Any]) -> Told:
    above, below = table["sheet"]["headings"]
    return Told(
        str(table["name"]),
        str(table["sheet"]["title"]),
        (tuple(above), tuple(below)),
        tuple(Kind(each) for each in table["sheet"]["kinds"]),
        {str(column): Decimal(total) for column, total in table["sums"].items()},
    )


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _wrong(
    path: Path, rows: int, sums: Mapping[str, Decimal], columns: Any, kinds: Sequence[Kind]
) -> Iterator[str]:
    """Give what differs between a CSV file and what the manifest says of it, column by column."""
    found = 0
    named = dict.fromkeys(column_of(total) for total in sums)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            if file.read(1) != _MARK:
                yield "has no byte order mark: a spreadsheet would garble it"
                file.seek(0)
            reader = csv.reader(file, strict=True)
            heading = next(reader, [])
            if columns is not None and heading != columns:
                yield f"has the columns {', '.join(heading)}, the manifest names others"
            places = {name: heading.index(name) for name in named if name in heading}
            # A manifest of old tells no kinds: all of its amounts are of one currency.
            told = kinds if len(kinds) == len(heading) else [Kind.TEXT] * len(heading)
            totals = Totals(told, list(places.values()))
            for row in reader:
                found += 1
                if len(row) != len(heading):
                    yield f"row {found} has {len(row)} cells under {len(heading)} headings"
                    return
                cells: list[str | Decimal] = list(row)
                for name, at in places.items():
                    cells[at] = _number(row[at], name, found)
                totals.add(cells)
    except (OSError, csv.Error, ValueError) as error:
        yield f"cannot be read: {error}"
        return
    if found != rows:
        yield f"has {found} rows, the manifest says {rows}"
    for name in named:
        if name not in places:
            yield f"has no column {name}, of which the manifest has a total"
    added = totals.by_name(heading)
    for name in dict.fromkeys([*sums, *added]):
        here, there = added.get(name, Decimal(0)), sums.get(name, Decimal(0))
        if column_of(name) in places and here != there:
            yield f"column {name} adds up to {here}, the manifest says {there}"


def _number(text: str, column: str, row: int) -> Decimal:
    try:
        return Decimal(text or 0)
    except InvalidOperation:
        raise ValueError(f"column {column} of row {row} is no number: {text[:40]!r}") from None
