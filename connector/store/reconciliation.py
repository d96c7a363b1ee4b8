"""Differences between the books: merged with those known, listed, explained.

`Differences.of_window` is what finance's extract is made of: differences of the day's own orders,
and those of earlier days that are still open.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, bindparam, func, or_, select, text, update

from connector.domain.reconciliation import (
    MEANING,
    Book,
    Difference,
    Kind,
    State,
    owner_of,
)
from connector.store.books import Books
from connector.store.database import Database
from connector.store.rule import DELTAS, WORDS
from connector.store.tables import DifferenceRow, ReconciliationRow
from connector.store.types import ExactJson, UtcDateTime, scaled_down
from connector.wording import Said, recalled, together

_KEY = ("number", "line", "document", "kind", "field", "book")
_SAME = " AND ".join(f"f.{name} = difference.{name}" for name in _KEY)
# What a person's explanation was about. It is void as soon as one of these is another.
_VALUES = "|| '|' ||".join(f" COALESCE({{0}}.{name}, '') " for name in WORDS)
_OPEN = (State.NEW, State.KNOWN)
# So many reasons of a hold stand with a difference; the order itself shows all.
_REASONS = 8
_LASTING = tuple(kind.value for kind, meaning in MEANING.items() if meaning.lasting)


@dataclass(frozen=True)
class Window:
    """The business day that is compared, (start, end]; its name is the day on which it ends."""

    start: datetime
    end: datetime


class Differences:
    """The differences of one shop. `zone` is the business's: age is told in its days."""

    def __init__(self, database: Database, shop: str, zone: ZoneInfo) -> None:
        self._database = database
        self._shop = shop
        self._zone = zone

    def merge(
        self,
        books: Books,
        window: Window,
        sums: Mapping[str, Mapping[str, Mapping[str, int]]],
        now: datetime,
        asked: Collection[Book],
    ) -> None:
        """Bring what was found (in the table `found` of `books`) together with what was known.

        All in one transaction. A rerun of the same day changes nothing but what has changed: new
        means found in this day first, whenever it is compared. What was not found again is
        solved, unless the book that would show it was not asked.
        """
        connection = books.connection
        connection.commit()
        connection.execution_options(write=True)
        times = [bindparam(name, type_=UtcDateTime) for name in ("start", "end", "now")]
        values = {
            "shop": self._shop,
            "start": window.start,
            "end": window.end,
            "now": now,
            "books": [int(book) for book in (Book.STOREFRONT, Book.CONNECTOR, *asked)],
            "sums": sums,
        }
        for statement in _MERGE:
            clause = text(statement).bindparams(
                *(time for time in times if f":{time.key}" in statement)
            )
            if ":books" in statement:
                clause = clause.bindparams(bindparam("books", expanding=True))
            if ":sums" in statement:
                clause = clause.bindparams(bindparam("sums", type_=ExactJson))
            used = {name: value for name, value in values.items() if f":{name}" in statement}
            connection.execute(clause, used)
        connection.commit()
        connection.execution_options(write=False)

    def carried(self, before: datetime) -> Iterator[str]:
        """Give the numbers of orders placed until `before` whose differences need somebody."""
        query = (
            select(DifferenceRow.number)
            .where(
                DifferenceRow.shop == self._shop,
                DifferenceRow.state.in_(_OPEN),
                DifferenceRow.kind.in_(_LASTING),
                or_(DifferenceRow.placed_at <= before, DifferenceRow.placed_at.is_(None)),
            )
            .distinct()
            .order_by(DifferenceRow.number)
        )
        with self._database.reading() as session:
            yield from list(session.scalars(query))

    def of_window(self, window: Window) -> Iterator[Difference]:
        """Give the differences that the extract of a day lists, in a stable sequence.

        Those of orders placed in the window, solved ones left out; then those of earlier orders
        that are open and were found by then (`carried`). Age is told as of the window's end.
        """
        own = DifferenceRow.placed_at.is_not(None) & (DifferenceRow.placed_at > window.start)
        query = (
            select(DifferenceRow, own.label("own"))
            .where(
                DifferenceRow.shop == self._shop,
                DifferenceRow.since <= window.end,
                DifferenceRow.state != State.SOLVED,
                or_(
                    own & (DifferenceRow.placed_at <= window.end),
                    or_(DifferenceRow.placed_at <= window.start, DifferenceRow.placed_at.is_(None))
                    & DifferenceRow.state.in_(_OPEN)
                    & DifferenceRow.kind.in_(_LASTING),
                ),
            )
            .order_by(own.desc(), *_SEQUENCE)
        )
        with self._database.reading() as session:
            for row, is_own in session.execute(query.execution_options(yield_per=500)):
                yield self._shown(row, window.end, carried=not is_own, found_by=window.end)

    def listed(
        self,
        now: datetime,
        *,
        states: Collection[str] = _OPEN,
        kind: str | None = None,
        number: str | None = None,
        placed: Window | None = None,
        limit: int = 1000,
    ) -> list[Difference]:
        """Return differences, the largest amounts first."""
        query = select(DifferenceRow).where(
            DifferenceRow.shop == self._shop, DifferenceRow.state.in_(states)
        )
        if kind is not None:
            query = query.where(DifferenceRow.kind == kind)
        if number is not None:
            query = query.where(DifferenceRow.number == number)
        if placed is not None:
            query = query.where(
                DifferenceRow.placed_at > placed.start, DifferenceRow.placed_at <= placed.end
            )
        query = query.order_by(DifferenceRow.amount.desc(), *_SEQUENCE).limit(limit)
        return self._all(query, now)

    def explain(self, difference: int, words: str, actor: str, now: datetime) -> Difference | None:
        """Note a person's explanation; None when there is no such difference that is unsolved."""
        said = [func.coalesce(getattr(DifferenceRow, name), "") for name in WORDS]
        values = said[0] + "|" + said[1] + "|" + said[2] + "|" + said[3]
        with self._database.transaction() as session:
            session.execute(
                update(DifferenceRow)
                .where(
                    DifferenceRow.id == difference,
                    DifferenceRow.shop == self._shop,
                    DifferenceRow.state != State.SOLVED,
                )
                .values(
                    state=State.EXPLAINED,
                    explanation=words,
                    explained_by=actor,
                    explained_at=now,
                    explained_values=values,
                )
                .execution_options(synchronize_session=False)
            )
        query = select(DifferenceRow).where(
            DifferenceRow.id == difference, DifferenceRow.state == State.EXPLAINED
        )
        found = self._all(query, now)
        return found[0] if found else None

    def sums(self, window: Window) -> Mapping[str, Mapping[str, Mapping[str, Decimal]]] | None:
        """Return currency → book → what it came to when the window was last compared.

        None if it never was.
        Keys: orders, ordered, lines, returned (by line and of the freight, before it was placed in
        the DMS), invoices, invoiced.
        """
        query = select(ReconciliationRow.sums).where(
            ReconciliationRow.shop == self._shop,
            ReconciliationRow.window_from == window.start,
            ReconciliationRow.window_to == window.end,
        )
        with self._database.reading() as session:
            found = session.scalar(query)
        if found is None:
            return None
        counted = ("orders", "lines", "invoices")
        return {
            currency: {
                book: {
                    name: Decimal(value) if name in counted else scaled_down(value)
                    for name, value in each.items()
                }
                for book, each in of_it.items()
            }
            for currency, of_it in found.items()
        }

    def _all(self, query: Select[Any], now: datetime) -> list[Difference]:
        with self._database.reading() as session:
            rows: Iterator[DifferenceRow] = iter(session.scalars(query))
            return [self._shown(row, now) for row in rows]

    def _shown(
        self,
        row: DifferenceRow,
        as_of: datetime,
        *,
        carried: bool = False,
        found_by: datetime | None = None,
    ) -> Difference:
        def word(value: str | None) -> str | Decimal | None:
            return scaled_down(int(value)) if value is not None and row.scaled else value

        since = row.since.astimezone(self._zone).date()
        state = State(row.state)
        if found_by is not None and state in _OPEN:
            # The extract of a day says what was new on that day, whenever it is written.
            state = State.NEW if row.since >= found_by else State.KNOWN
        return Difference(
            id=row.id,
            number=row.number,
            line=row.line,
            document=row.document,
            kind=Kind(row.kind),
            field=row.field,
            storefront=word(row.storefront),
            connector=word(row.connector),
            dms=word(row.dms),
            sap=word(row.sap),
            amount=row.amount,
            currency=row.currency,
            **{name: getattr(row, name) for name in DELTAS},
            owner=owner_of(row.kind, row.field),
            placed_at=row.placed_at,
            since=since,
            age=max((as_of.astimezone(self._zone).date() - since).days, 0),
            state=state,
            explanation=row.explanation,
            explained_by=row.explained_by,
            detail=_reasons(row.detail) if row.kind == Kind.HELD else row.detail,
            carried=carried,
        )


def _reasons(text: str) -> Said:
    """Return the reasons of a hold in one line."""
    return together([recalled(each) for each in json.loads(text)[:_REASONS]] if text else [])


_SEQUENCE = (
    DifferenceRow.placed_at,
    DifferenceRow.number,
    DifferenceRow.line,
    DifferenceRow.kind,
    DifferenceRow.field,
    DifferenceRow.document,
    DifferenceRow.book,
)
_TAKEN = ("scaled", "amount", *WORDS, *DELTAS, "detail")
_PLACED = (
    "COALESCE((SELECT t.placed_at FROM summed t WHERE t.number = f.number),"
    " (SELECT o.placed_at FROM orders o WHERE o.shop = CAST(:shop AS TEXT)"
    " AND o.number = f.number))"
)
_CURRENCY = "COALESCE((SELECT k.currency FROM scope k WHERE k.number = f.number), '')"
_UNTIL = "CASE WHEN since > :end THEN :end ELSE since END"
_MERGE = (
    # Found again: the newest values; an explanation holds for the values it was given for.
    f"""
    UPDATE difference SET {", ".join(f"{name} = f.{name}" for name in _TAKEN)},
      currency = {_CURRENCY},
      placed_at = {_PLACED}, solved_at = NULL, since = {_UNTIL},
      state = CASE
        WHEN explained_at IS NOT NULL AND explained_values = {_VALUES.format("f")}
          THEN '{State.EXPLAINED}'
        WHEN since < :end THEN '{State.KNOWN}' ELSE '{State.NEW}' END
    FROM found f WHERE difference.shop = CAST(:shop AS TEXT) AND {_SAME}
    """,
    f"""
    INSERT INTO difference (shop, {", ".join(_KEY)}, {", ".join(_TAKEN)}, currency, placed_at,
      since, state, explanation, explained_by, explained_values)
    SELECT CAST(:shop AS TEXT), {", ".join(f"f.{name}" for name in (*_KEY, *_TAKEN))},
      {_CURRENCY}, {_PLACED}, :end, '{State.NEW}', '', '', ''
    FROM found f WHERE NOT EXISTS (
      SELECT 1 FROM difference WHERE difference.shop = CAST(:shop AS TEXT) AND {_SAME})
    """,
    # Of an earlier order the storefront was asked by our own identifier only: what it may hold
    # beside that is as it was.
    f"""
    UPDATE difference SET state = '{State.SOLVED}', solved_at = :now
    WHERE shop = :shop AND state <> '{State.SOLVED}' AND book IN :books
      AND number IN (SELECT number FROM scope)
      AND NOT EXISTS (SELECT 1 FROM found f WHERE {_SAME})
      AND NOT EXISTS (SELECT 1 FROM scope k WHERE k.number = difference.number AND k.carried = 1
        AND ((difference.kind = '{Kind.DUPLICATE}' AND difference.book = 0)
          OR (difference.kind = '{Kind.MISSING_CONNECTOR}' AND NOT EXISTS (
            SELECT 1 FROM whole_order c WHERE c.book = 1 AND c.number = k.number))))
    """,
    # The sums stand beside their window; another comparison of it takes their place.
    """
    DELETE FROM reconciliation
    WHERE shop = :shop AND window_from = :start AND window_to = :end
    """,
    """
    INSERT INTO reconciliation (shop, window_from, window_to, compared_at, sums)
    VALUES (:shop, :start, :end, :now, :sums)
    """,
)  # fmt: skip
