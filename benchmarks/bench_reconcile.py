"""A million order lines in four books: the reconciliation against pandas, on the same data.

Both start from the same files in processes of their own, do the same joins and comparisons on the
same whole numbers, and must find the same number of differences. The data are given twice: as rows
of Python's own values, batch by batch, which is what the gateways hand over at night; and as CSV,
which pandas reads in C, and which the connector never reads its books from. pandas comes with the
extra `bench`; without it only our own figures are printed.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import pickle
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from itertools import chain
from pathlib import Path
from typing import Any

LINES = int(os.environ.get("BENCH_LINES", "1000000"))
DIFFERENCES = 1000
_TABLES = ("orders", "lines", "documents")
_BATCH = 500  # orders that a gateway hands over at a time
_PIECE = 50_000  # rows of which pandas makes a frame at a time


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-reconcile-") as folder:
        at = Path(folder)
        lines, orders = _write(at)
        print(
            f"  {orders} orders, {lines} lines in each of four books; load {os.getloadavg()[0]:.1f}"
        )
        print(f"  {'':26}{'read':>8}{'compare':>9}{'whole':>8}{'cpu':>8}{'peak':>10}{'found':>8}")
        with_pandas = importlib.util.find_spec("pandas") is not None
        for source in ("rows", "csv"):
            ours = _run("ours", source, at)
            print(_told(f"set-based, from {source}", ours))
            if with_pandas:
                theirs = _run("pandas", source, at)
                print(_told(f"pandas, from {source}", theirs))
                print(_ratios(theirs, ours))
        if not with_pandas:
            print("  pandas is not installed: pip install -e '.[bench]'")


def _told(name: str, figures: dict[str, Any]) -> str:
    return (
        f"  {name:26}{figures['read']:6.1f} s{figures['compare']:7.1f} s{figures['whole']:6.1f} s"
        f"{figures['cpu']:6.1f} s{figures['megabytes']:7.0f} MB{figures['found']:8}"
    )


def _ratios(theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    times = {name: theirs[name] / ours[name] for name in ("read", "compare", "whole", "cpu")}
    return (
        f"  {'pandas / ours':26}{times['read']:6.2f} ×{times['compare']:7.2f} ×"
        f"{times['whole']:6.2f} ×{times['cpu']:6.2f} ×"
        f"{theirs['megabytes'] / ours['megabytes']:8.1f} ×"
    )


def _run(what: str, source: str, folder: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.bench_reconcile", what, source, str(folder)],
        check=True,
        capture_output=True,
        text=True,
    )
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def _write(folder: Path) -> tuple[int, int]:
    """Write the books, with a difference of a line in every so many orders."""
    from connector.domain.reconciliation import Book
    from tests.reconcile.world import PLANTS, make

    chance = random.Random(1)
    # Those kinds that pandas below looks for too: lines, documents and totals that differ.
    plants = [PLANTS[at] for at in (4, 7, 16, 19, 20, 23, 24, 28, 31, 36, 39)]
    files = {
        (book, table): (
            (folder / f"{book.name}-{table}.csv").open("w", newline=""),
            (folder / f"{book.name}-{table}.rows").open("wb"),
        )
        for book in Book
        for table in _TABLES
    }
    written = {Book.CONNECTOR: 0}
    orders = 0
    every = max(LINES // 5 * 2 // DIFFERENCES, 1)
    while written[Book.CONNECTOR] < LINES:
        batch: dict[tuple[Book, str], list[tuple[Any, ...]]] = {key: [] for key in files}
        for _ in range(_BATCH):
            case = make(orders, chance)
            orders += 1
            written[Book.CONNECTOR] += len(case.lines[Book.CONNECTOR])
            if orders % every == 0:
                plants[orders // every % len(plants)](case)
            for book in Book:
                batch[book, "orders"] += map(tuple, case.orders[book])
                batch[book, "lines"] += map(tuple, case.lines[book])
                batch[book, "documents"] += map(tuple, case.documents[book])
            if written[Book.CONNECTOR] >= LINES:
                break
        for key, (text, rows) in files.items():
            csv.writer(text).writerows(batch[key])
            pickle.dump(batch[key], rows, pickle.HIGHEST_PROTOCOL)
    for pair in files.values():
        for file in pair:
            file.close()
    return written[Book.CONNECTOR], orders


def _batches(file: Path) -> Iterator[list[tuple[Any, ...]]]:
    """Give the rows of a file as they were given to it, batch by batch."""
    with file.open("rb") as rows:
        while True:
            try:
                yield pickle.load(rows)
            except EOFError:
                return


def _ours(source: str, folder: Path) -> dict[str, Any]:
    from connector.domain.reconciliation import Book, BookOrder, Rules
    from connector.store.books import open_books
    from connector.store.comparison import compare
    from connector.store.database import Database
    from tests.reconcile.world import DAY

    def rows(book: Book, table: str) -> Iterator[Any]:
        if source == "rows":
            yield from chain.from_iterable(_batches(folder / f"{book.name}-{table}.rows"))
            return
        with (folder / f"{book.name}-{table}.csv").open(newline="") as file:
            yield from csv.reader(file)

    def orders(book: Book) -> Iterable[BookOrder]:
        for row in rows(book, "orders"):
            placed = row[-1] if source == "rows" else datetime.fromisoformat(row[-1])
            yield BookOrder._make([*row[:-1], placed])

    database = Database(f"sqlite:///{folder / 'bench.db'}")
    started = time.perf_counter()
    with open_books(database, "shop") as books:
        for book in Book:
            books.put(book, orders(book), rows(book, "lines"), rows(book, "documents"))
        books.run("INSERT INTO scope SELECT number, 0 FROM whole_order WHERE book = 1")
        read = time.perf_counter()
        compare(books.connection, Rules(), date.fromisoformat(DAY))
        ((found,),) = books.rows("SELECT COUNT(*) FROM found")
        ended = time.perf_counter()
    return _figures(started, read, ended, int(found))


def _pandas(source: str, folder: Path) -> dict[str, Any]:
    import pandas as pd

    from connector.domain.reconciliation import BookDocument, BookLine, BookOrder

    def frame(book: str, table: str, columns: tuple[str, ...], texts: set[str]) -> Any:
        if source == "rows":
            # In pieces: a million tuples at a time would cost pandas more, not less.
            pieces = [
                pd.DataFrame.from_records(rows, columns=list(columns))
                for rows in _by(_PIECE, _batches(folder / f"{book}-{table}.rows"))
            ]
            return pd.concat(pieces, ignore_index=True)
        return pd.read_csv(
            folder / f"{book}-{table}.csv",
            names=list(columns),
            dtype={name: str if name in texts else "int64" for name in columns},
            keep_default_na=False,
        )

    started = time.perf_counter()
    books = ("STOREFRONT", "CONNECTOR", "DMS", "SAP")
    orders = {
        book: frame(book, "orders", BookOrder._fields,
                    set(BookOrder._fields) - {"freight", "total", "refunded"})
        for book in books
    }  # fmt: skip
    lines = {
        book: frame(book, "lines", BookLine._fields, {"number", "part", "sku"}) for book in books
    }
    documents = {
        book: frame(book, "documents", BookDocument._fields,
                    {"kind", "number", "document", "part", "unit", "day"})
        for book in books
    }  # fmt: skip
    read = time.perf_counter()
    found = 0

    def differing(joined: Any, pairs: list[tuple[str, str]]) -> Any:
        differs = joined["_merge"] != "both"
        for ours, theirs in pairs:
            differs |= joined[ours] != joined[theirs]
        return joined[differs]

    told = {"sku", "quantity", "unit_price", "discount", "amount"}
    line_key = ["number", "line"]
    ours = lines["CONNECTOR"]
    for book, names in (
        ("STOREFRONT", told | {"subsidy", "refunded_quantity", "refunded_amount"}),
        ("DMS", told | {"shipped"}),
    ):
        joined = ours.merge(lines[book], on=line_key, how="outer", suffixes=("", "_theirs"),
                            indicator=True)  # fmt: skip
        by_line = differing(joined, [(name, f"{name}_theirs") for name in sorted(names)])
        known = set(by_line["number"])
        found += len(by_line)
        totals = orders["CONNECTOR"].merge(
            orders[book].groupby("number", as_index=False)[["total", "freight"]].sum(),
            on="number", how="outer", suffixes=("", "_theirs"), indicator=True,
        )  # fmt: skip
        by_total = differing(totals, [("total", "total_theirs")])
        found += int((~by_total["number"].isin(known)).sum())
    key = ["number", "kind", "document"]
    mine = documents["CONNECTOR"]
    missing_shipment: set[str] = set()
    for book in ("DMS", "SAP"):
        theirs = documents[book]
        wanted = mine if book == "DMS" else mine[mine["kind"] != "sales_order"]
        joined = wanted.merge(theirs, on=key, how="outer", suffixes=("", "_theirs"),
                              indicator=True)  # fmt: skip
        pairs = [("tax", "tax_theirs")]
        rows = differing(joined[joined["kind"] != "sales_order"],
                         [*pairs, ("gross", "gross_theirs")])  # fmt: skip
        missing_shipment |= set(rows[rows["kind"] == "shipment"]["number"])
        found += len(rows)
    sums = mine[mine["kind"] == "invoice"].groupby("number")["gross"].sum()
    due = orders["CONNECTOR"].set_index("number")["total"]
    found += int((due.sub(sums, fill_value=0).abs() > 100).sum())
    shipped = ours.groupby(["number", "sku"], as_index=False)["shipped"].sum()
    delivered = lines["SAP"].groupby(["number", "sku"], as_index=False)["shipped"].sum()
    joined = shipped.merge(delivered, on=["number", "sku"], how="outer",
                           suffixes=("", "_theirs"), indicator=True)  # fmt: skip
    rows = differing(joined, [("shipped", "shipped_theirs")])
    found += int((~rows["number"].isin(missing_shipment)).sum())
    return _figures(started, read, time.perf_counter(), found)


def _by(size: int, batches: Iterator[list[tuple[Any, ...]]]) -> Iterator[list[tuple[Any, ...]]]:
    """Give rows in lists of at least `size`, the last one excepted."""
    rows: list[tuple[Any, ...]] = []
    for batch in batches:
        rows += batch
        if len(rows) >= size:
            yield rows
            rows = []
    yield rows


def _figures(started: float, read: float, ended: float, found: int) -> dict[str, Any]:
    return {
        "cpu": time.process_time(),
        "read": read - started,
        "compare": ended - read,
        "whole": ended - started,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "found": found,
    }


if __name__ == "__main__":
    _what, _source, _folder = sys.argv[1:4]
    json.dump({"ours": _ours, "pandas": _pandas}[_what](_source, Path(_folder)), sys.stdout)
