"""What the connector needs of a storefront, whichever it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from connector.errors import RetryLater
from connector.wording import Said, systems

Payload = dict[str, Any]


@dataclass(frozen=True)
class NotRead:
    """An order of a listing that could not be read in full: what the list shows of it, and why."""

    number: str
    element: Any
    why: Said


class OrdersNotRead(RetryLater):
    """Raised at the end of a listing of which single orders could not be read; the others were."""

    def __init__(self, orders: Sequence[NotRead]) -> None:
        numbers = ", ".join(each.number for each in orders)
        what = systems.ORDERS_NOT_READ(orders=numbers, why=orders[0].why)
        super().__init__(what, place="storefront GET /orders")
        self.orders = tuple(orders)


class Storefront(Protocol):
    """A storefront. Payloads are its own JSON objects, numbers with a point as Decimal.

    Reads raise RetryLater (listings OrdersNotRead, when all else was given), writes
    RetryLater (provably nothing happened) or InDoubt; both raise
    Rejected, LogonFailed and Misconfigured.
    """

    def clock(self) -> datetime | None:
        """Return what the storefront's own clock shows; None when it does not say."""
        ...

    def modified_at(self, payload: Payload) -> datetime | None:
        """Return when an order was last changed, by the storefront's own clock."""
        ...

    def orders_modified(self, after: datetime, before: datetime) -> Iterator[Payload]:
        """Give every order changed in [after, before], each once, with its refunds in full.

        Times are the storefront's own. Orders that change meanwhile hide no other.
        """
        ...

    def orders_placed(self, after: datetime, before: datetime) -> Iterator[Payload]:
        """Give every order placed in [after, before], each once, with its refunds in full."""
        ...

    def orders(self, order_ids: Sequence[str], within: float) -> dict[str, Payload | None]:
        """Return orders as they are now, also from the trash; None for one that was deleted.

        None needs the storefront's word for that very order: one that a list does not show is
        asked for by itself. Raises RetryLater when it all takes longer than `within` seconds.
        """
        ...

    def in_trash(self, payload: Payload) -> bool:
        """Whether an order is in the trash, as it is shown."""
        ...

    def order(self, order_id: str) -> Payload:
        """Return one order."""
        ...

    def part_number(self, product_id: str, within: float) -> str:
        """Return a product's own part number; empty for none.

        Raises RetryLater when that takes longer than `within` seconds.
        """
        ...

    def update_order(self, order_id: str, body: Mapping[str, Any]) -> Payload:
        """Change an order."""
        ...

    def notes(self, order_id: str) -> list[Payload]:
        """Return an order's notes."""
        ...

    def add_note(self, order_id: str, body: Mapping[str, Any]) -> Payload:
        """Add a note to an order. Doing it twice makes two."""
        ...

    def same(self, written: Any, shown: Any) -> bool:
        """Whether a value that it shows is one that was written, as it stores it."""
        ...

    def describe(self) -> Payload:
        """Return what the storefront says of its orders' interface; empty when it says nothing."""
        ...

    def ping(self) -> str:
        """Log on, change nothing, and return what answered."""
        ...

    def ignored(self) -> Sequence[str]:
        """Return which parts of a question it ignores, asked where the answer is known."""
        ...
