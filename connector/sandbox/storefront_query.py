"""Query parameters of wc/v3 listings, read as WooCommerce reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

STATUSES = frozenset(
    {
        "pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed",
        "trash", "checkout-draft", "auto-draft",
    }
)  # fmt: skip
_ORDERBY = frozenset({"date", "id", "include", "title", "slug", "modified"})


class InvalidParameter(Exception):
    """A parameter that WooCommerce refuses: 400 rest_invalid_param."""


@dataclass(frozen=True)
class Query:
    """A listing's parameters."""

    page: int
    per_page: int
    offset: int | None
    after: str | None
    before: str | None
    modified_after: str | None
    modified_before: str | None
    orderby: str
    descending: bool
    statuses: frozenset[str] | None
    include: frozenset[int]
    exclude: frozenset[int]
    search: str

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Query:
        """Read the parameters. Raises InvalidParameter naming the one that is wrong."""
        statuses = frozenset(filter(None, values.get("status", "any").split(",")))
        known = statuses - {"any"}
        if known - STATUSES:
            raise InvalidParameter("status")
        orderby = values.get("orderby", "date")
        if orderby not in _ORDERBY:
            raise InvalidParameter("orderby")
        if values.get("order", "desc") not in ("asc", "desc"):
            raise InvalidParameter("order")
        return cls(
            page=_number(values, "page", 1, 1, 10**9),
            per_page=_number(values, "per_page", 10, 1, 100),
            offset=_number(values, "offset", 0, 0, 10**9) if "offset" in values else None,
            after=_moment(values, "after"),
            before=_moment(values, "before"),
            modified_after=_moment(values, "modified_after"),
            modified_before=_moment(values, "modified_before"),
            orderby=orderby,
            descending=values.get("order", "desc") == "desc",
            statuses=None if "any" in statuses or not statuses else known,
            include=_numbers(values, "include"),
            exclude=_numbers(values, "exclude"),
            search=values.get("search", "").lower(),
        )

    def holds(self, order: Mapping[str, Any]) -> bool:
        """Whether an order is listed. Bounds of time are exclusive, to the second."""
        placed, modified = order["date_created_gmt"], order["date_modified_gmt"]
        return (
            (self.statuses is None or order["status"] in self.statuses)
            and (self.statuses is not None or order["status"] not in ("trash", "auto-draft"))
            and (self.after is None or placed > self.after)
            and (self.before is None or placed < self.before)
            and (self.modified_after is None or modified > self.modified_after)
            and (self.modified_before is None or modified < self.modified_before)
            and (not self.include or order["id"] in self.include)
            and order["id"] not in self.exclude
            and (not self.search or self.search in str(order).lower())
        )

    def key(self, order: Mapping[str, Any]) -> Any:
        """Return what orders are sorted by.

        Orders of one second stand in no sequence: the database may give each page another.
        """
        unsorted = hash((order["id"], self.page))
        if self.orderby == "modified":
            return order["date_modified_gmt"], unsorted
        if self.orderby == "date":
            return order["date_created_gmt"], unsorted
        return order["id"]

    def sliced(self, orders: list[Any]) -> list[Any]:
        """Return the page of a list."""
        start = self.offset if self.offset is not None else (self.page - 1) * self.per_page
        return orders[start : start + self.per_page]


def _number(values: Mapping[str, str], name: str, otherwise: int, low: int, high: int) -> int:
    try:
        number = int(values.get(name, otherwise))
    except ValueError:
        raise InvalidParameter(name) from None
    if not low <= number <= high:
        raise InvalidParameter(name)
    return number


def _numbers(values: Mapping[str, str], name: str) -> frozenset[int]:
    try:
        return frozenset(int(each) for each in values.get(name, "").split(",") if each)
    except ValueError:
        raise InvalidParameter(name) from None


def _moment(values: Mapping[str, str], name: str) -> str | None:
    if name not in values:
        return None
    try:
        moment = datetime.fromisoformat(values[name].replace(" ", "+"))
    except ValueError:
        raise InvalidParameter(name) from None
    moment = moment.astimezone(UTC) if moment.tzinfo else moment
    return moment.strftime("%Y-%m-%dT%H:%M:%S")
