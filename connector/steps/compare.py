"""Compares the four books of a span: asks anew, takes in what was missed, finds what differs.

Rule's source: workflow.md, step 9. Nothing of it depends on how often it is done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from connector.domain.lifecycle import Stage
from connector.domain.masking import mask_said, mask_text
from connector.domain.quarantine import key_of
from connector.domain.reconciliation import Book, Kind, Rules
from connector.errors import Rejected, RetryLater
from connector.sap.books import SapBooks
from connector.steps import reading_books
from connector.steps.ask_again import known_ones, vanished
from connector.steps.content import Taken
from connector.steps.context import Context
from connector.steps.quarantine import put_unread, put_vanished, take_or_quarantine
from connector.steps.take_again import gone
from connector.store.books import Books, open_books
from connector.store.changes import StaleOrder
from connector.store.comparison import compare
from connector.store.database import Database
from connector.store.our_book import OurBook
from connector.store.reconciliation import Differences, Window
from connector.store.shared import share_out
from connector.storefront.port import NotRead, OrdersNotRead, Payload
from connector.wording import Said

_log = structlog.get_logger(__name__)

# The DMS's clock and ours may differ.
_OVERLAP = timedelta(minutes=10)
# So many failures one after the other are the storefront's, not an order's.
_AWAY = 3


@dataclass(frozen=True)
class Comparer:
    """What a comparison works with. `workers` is how many orders the DMS is asked for at a time."""

    context: Context
    database: Database
    differences: Differences
    sap: SapBooks
    rules: Rules
    zone: ZoneInfo
    workers: int = 8

    def compare(self, window: Window) -> Mapping[str, int]:
        """Compare orders placed in (start, end], and earlier ones that are not settled.

        Returns what was counted: orders, missed, changed, strangers, not_compared.
        Raises RetryLater or Misconfigured when a system cannot be asked: then nothing is changed.
        """
        counts: Counter[str] = Counter()
        with open_books(self.database, self.context.shop) as books:
            failed = self._read_storefront(books, window, counts)
            failed |= self._read_the_rest(books, window, counts, failed)
            known = OurBook(books).set_known_aside()
            failed = {number: why for number, why in failed.items() if number not in known}
            asked = self._read_others(books, window, failed, counts)
            for number in failed:
                books.leave_out(number)
            # Nothing is found of them: what was found before we knew that is solved.
            books.include(known)
            share_out(books)
            sums = books.sums()
            day = window.end.astimezone(self.zone).date()
            compare(books.connection, self.rules, day, asked)
            books.tell(Kind.NOT_COMPARED, failed)
            books.tell_why_held()
            self.differences.merge(books, window, sums, self.context.clock(), asked)
        counts["orders"] = sum(each["connector"]["orders"] for each in sums.values())
        counts["not_compared"] = len(failed)
        return {name: number for name, number in counts.items() if number}

    def _read_storefront(
        self, books: Books, window: Window, counts: Counter[str]
    ) -> dict[str, Said]:
        """Read the day's orders; return order number → why, for those that it could not tell of."""
        failed: dict[str, Said] = {}
        payloads = self._with_names_of_failed(
            self.context.storefront.orders_placed(window.start, window.end), failed
        )
        failed |= reading_books.put_storefront(
            self.context, books, payloads, lambda at: window.start < at <= window.end
        )
        # What the intake missed, or of which it missed the last change, is taken in now.
        version = self.context.mappings().version
        vain = 0
        shown: list[Payload] = []
        for order, known in OurBook(books).missed(version):
            try:
                payload = self.context.storefront.order(order)
                taken = take_or_quarantine(self.context, payload, actor="reconcile")
                if known and taken is Taken.QUARANTINED:
                    failed |= self._not_believed(order)
                    continue
                # What the list showed of it may be older, or not all.
                shown.append(payload)
                counts["changed" if known else "missed"] += 1
                _log.info("the intake missed it", order=order, taken=taken.value)
                vain = 0
            except (StaleOrder, Rejected, RetryLater) as error:
                vain += isinstance(error, RetryLater)
                if vain >= _AWAY:
                    raise
                _log.warning("not taken in", order=order, error=mask_text(str(error)))
                if not isinstance(error, StaleOrder):
                    # No later night looks for it: the intake asks for it from now on.
                    put_unread(self.context, NotRead(order, {"id": order}, error.said), "reconcile")
        failed |= reading_books.put_storefront(
            self.context, books, shown, lambda at: window.start < at <= window.end
        )
        return failed

    def _not_believed(self, order_id: str) -> dict[str, Said]:
        """Return order number → why, of one that cannot be as it is shown."""
        row = self.context.orders.by_order_id(order_id, self.context.shop)
        entries = self.context.quarantine.of_key(key_of(order_id, b""))
        return {row.number: entries[-1].reason} if row is not None and entries else {}

    def _read_the_rest(
        self, books: Books, window: Window, counts: Counter[str], unread: Collection[str]
    ) -> dict[str, Said]:
        """Lay our book beside, and ask for single orders that only one of the two has."""
        books.include(self.differences.carried(window.start), carried=True)
        ours = OurBook(books)
        ours.include_open(window.start)
        if self.sap.can():
            # A closed order is compared no more, until SAP takes back what it billed for it.
            since = window.start.astimezone(self.zone).date()
            reversed_ = reading_books.taken_back(self.sap, since)
            books.include(ours.earlier(reversed_, window.start), carried=True)
        ours.put(window.start, window.end, self.zone)
        ours.follow_numbers_kept_apart()
        failed: dict[str, Said] = {}
        for ours_only in ours.only_ours():
            page = [each for each in ours_only if each[0] not in unread]
            refused: dict[str, Said] = {}
            missing: list[str] = []
            payloads = known_ones(self.context, [part for _, part in page], refused, missing)
            failed |= reading_books.put_storefront(
                self.context, books, self._taken(payloads), lambda _at: True, carried=True
            )
            why = vanished(len(page) - len(refused), len(missing))
            for number in [number for number, part in page if part in missing]:
                row = self.context.orders.by_number(number, self.context.shop)
                if why is not None:
                    failed[number] = why
                if row is not None and not Stage(row.stage).released:
                    with suppress(StaleOrder):
                        if why is None:
                            gone(self.context, row, "reconcile")
                        else:
                            put_vanished(self.context, row, why, "reconcile")
            failed |= {number: refused[part] for number, part in page if part in refused}
        return failed

    def _with_names_of_failed(
        self, payloads: Iterator[Payload], failed: dict[str, Said]
    ) -> Iterator[Payload]:
        """Give the orders of a listing; those that could not be read are named in `failed`."""
        try:
            yield from payloads
        except OrdersNotRead as error:
            for each in error.orders:
                failed[each.number] = mask_said(each.why)
                put_unread(self.context, each, "reconcile")

    def _taken(self, payloads: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """Take in orders that no list shows: those in the trash."""
        for payload in payloads:
            try:
                take_or_quarantine(self.context, payload, actor="reconcile")
            except StaleOrder as error:
                _log.warning("not taken in", error=mask_text(str(error)))
            yield payload

    def _read_others(
        self, books: Books, window: Window, failed: dict[str, Said], counts: Counter[str]
    ) -> list[Book]:
        asked = []
        if self.context.dms.can("dms_find"):
            asked.append(Book.DMS)
            failed |= reading_books.put_dms(self.context, books, self.zone, self.workers)
            counts["strangers"] += reading_books.strangers(
                self.context,
                books,
                window.start - _OVERLAP,
                lambda at: window.start < at <= window.end,
                self.zone,
            )
        if self.sap.can():
            asked.append(Book.SAP)
            today = self.context.clock().astimezone(self.zone).date()
            start, oldest = (
                each.astimezone(self.zone).date()
                for each in (window.start, books.oldest() or window.start)
            )
            reading_books.put_sap(self.sap, books, min(oldest, start), start, today)
        return asked
