"""WooCommerce's REST interface wc/v3."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from connector.errors import ConnectorError, LogonFailed, Rejected, RetryLater, answered
from connector.storefront import paging, stored
from connector.storefront.port import NotRead, OrdersNotRead, Payload
from connector.storefront.rest import (
    Rest,
    WooCommerceSettings,
    a_list,
    an_object,
    date_of,
    total_of,
)
from connector.storefront.singly import Gap, singly, was_answered
from connector.wording import systems

__all__ = ["WooCommerce", "WooCommerceSettings"]

_TRASH = "trash"
# What proves, in answer to a question for one order, that the shop has it no more: this word with
# this status. Nothing else does, least of all a list in which an order is not found.
_GONE = ("woocommerce_rest_shop_order_invalid_id", 404)
# What a listing answers that has no such page.
_NO_PAGE = "rest_post_invalid_page_number"
# The fields that name an order, and by which lists are sorted.
_NAMES = "id,number,date_created_gmt,date_modified_gmt"
# So many failures one after the other are the shop's, not an order's.
_AWAY = 3


class WooCommerce:
    """A WooCommerce shop. Threads may share it."""

    def __init__(
        self, settings: WooCommerceSettings, may: Callable[[], None] = lambda: None
    ) -> None:
        """`may` is called before each request; what it raises keeps it back."""
        self._rest = Rest(settings, may)
        self._size = settings.page_size
        self._by_time = settings.ordering == "modified"

    def clock(self) -> datetime | None:
        """See `Storefront`: the Date of an answer that no cache gave."""
        # Whatever is wrong with the newest order, it has a number.
        asked = {"per_page": "1", "_fields": "id"}
        return date_of(self._rest.read("/orders", asked, a_list)[1])

    def modified_at(self, payload: Payload) -> datetime | None:
        """See `Storefront`."""
        return paging.time_of(payload, paging.MODIFIED)

    def orders_modified(self, after: datetime, before: datetime) -> Iterator[Payload]:
        """See `Storefront`."""
        return self._orders(paging.MODIFIED, after, before)

    def orders_placed(self, after: datetime, before: datetime) -> Iterator[Payload]:
        """See `Storefront`."""
        return self._orders(paging.PLACED, after, before)

    def orders(self, order_ids: Sequence[str], within: float) -> dict[str, Payload | None]:
        """See `Storefront`. Lists leave the trash out, so that it is asked for apart."""
        until = time.monotonic() + within
        found: dict[str, Payload | None] = {}
        for start in range(0, len(order_ids), self._size):
            asked = list(order_ids[start : start + self._size])
            for status in ("any", _TRASH):
                missing = [each for each in asked if each not in found]
                if not missing:
                    break
                query = {"include": ",".join(missing), "status": status}
                for order in self._page("/orders", {**query, "page": "1"}, until).elements:
                    key = str(order.get("id")) if isinstance(order, Mapping) else ""
                    if key in missing:
                        found[key] = self._with_refunds(dict(order), until)
            for key in asked:
                if key not in found:
                    found[key] = self._or_none(key, until)
        return found

    def in_trash(self, payload: Payload) -> bool:
        """See `Storefront`."""
        return bool(payload.get("status") == _TRASH)

    def order(self, order_id: str) -> Payload:
        """See `Storefront`."""
        return self._order(order_id, None)

    def part_number(self, product_id: str, within: float) -> str:
        """See `Storefront`."""

        def wrong(body: Any) -> str:
            return _the(product_id)(body) or ("" if isinstance(body.get("sku"), str) else "no sku")

        until = time.monotonic() + within
        return str(self._rest.read(f"/products/{product_id}", {}, wrong, until=until)[0]["sku"])

    def update_order(self, order_id: str, body: Mapping[str, Any]) -> Payload:
        """See `Storefront`."""
        answer: Payload = self._rest.write("PUT", f"/orders/{order_id}", body, _the(order_id))
        return answer

    def notes(self, order_id: str) -> list[Payload]:
        """See `Storefront`."""
        notes: list[Payload] = self._rest.read(f"/orders/{order_id}/notes", {}, _objects)[0]
        return notes

    def add_note(self, order_id: str, body: Mapping[str, Any]) -> Payload:
        """See `Storefront`."""
        answer: Payload = self._rest.write("POST", f"/orders/{order_id}/notes", body, an_object)
        return answer

    def same(self, written: Any, shown: Any) -> bool:
        """See `Storefront`."""
        return stored.same(written, shown)

    def describe(self) -> Payload:
        """See `Storefront`: by the method OPTIONS, as every WordPress route describes itself."""
        described: Payload = self._rest.read("/orders", {}, an_object, method="OPTIONS")[0]
        return described

    def ping(self) -> str:
        """See `Storefront`."""
        _, headers = self._rest.read("/orders", {"per_page": "1"}, a_list)
        return f"WooCommerce with {headers.get('X-WP-Total') or '?'} orders"

    def ignored(self) -> Sequence[str]:
        """See `Storefront`: one order of two, and what was changed in a time to come."""

        def ids(**query: str) -> set[str]:
            asked = {"status": "any", "per_page": "2", "_fields": "id", **query}
            return _ids(self._rest.read("/orders", asked, a_list)[0])

        known = sorted(ids())
        found = ["include"] if known and ids(include=known[0]) != {known[0]} else []
        to_come = {"modified_after": "2100-01-01T00:00:00", "dates_are_gmt": "true"}
        return [*found, "modified_after"] if known and ids(**to_come) else found

    def _orders(self, key: paging.Key, after: datetime, before: datetime) -> Iterator[Payload]:
        def read(query: paging.Query) -> paging.Page:
            asked = {"status": "any", **query}
            try:
                return self._page("/orders", asked)
            except RetryLater as error:
                if not was_answered(error):
                    raise
                return self._singly(asked)

        failed: list[NotRead] = []
        vain = 0
        for each in paging.orders(read, key, after, before, by_time=self._by_time):
            try:
                order = self._listed(each)
                vain = 0
            except LogonFailed:
                raise
            except ConnectorError as error:
                vain += not answered(error)
                if vain >= _AWAY:
                    raise
                failed.append(NotRead(_name(each), each, error.said))
                continue
            if order is not None:
                yield order
        if failed:
            # The others were given; whoever asks must know that these were not.
            raise OrdersNotRead(failed)

    def _singly(self, query: paging.Query) -> paging.Page:
        """Return a page of orders that the shop cannot give as a whole."""
        totals: list[int] = []

        def at(place: int, **more: str) -> list[Any]:
            asked = {**query, **more, "page": str(place + 1), "per_page": "1"}
            body, headers = self._rest.read("/orders", asked, a_list)
            total = total_of(headers, len(body))
            totals.extend([] if total is None else [total])
            return list(body)

        first = (int(query.get("page", "1")) - 1) * self._size
        places = range(first, first + self._size)
        elements = singly(query, at, lambda place: at(place, _fields=_NAMES), places)
        return paging.Page(elements, min(totals, default=None), self._size)

    def _listed(self, element: Any) -> Payload | None:
        """Return an order of a list in full; None when it was deleted meanwhile."""
        if isinstance(element, Gap):
            raise RetryLater(element.why, place="storefront GET /orders")
        wrong = an_object(element)
        if wrong:
            raise RetryLater(systems.OF_NO_SHAPE(what=wrong), place="storefront GET /orders")
        order: Payload = element
        try:
            return self._with_refunds(order)
        except Rejected:
            return self._or_none(str(order["id"]), None)

    def _page(self, route: str, query: paging.Query, until: float | None = None) -> paging.Page:
        asked = {**query, "per_page": str(self._size)}
        try:
            body, headers = self._rest.read(route, asked, a_list, until=until)
        except Rejected as refusal:
            if refusal.code == _NO_PAGE and query.get("page") != "1":
                return paging.Page([], None, self._size)
            raise
        return paging.Page(body, total_of(headers, len(body)), self._size)

    def _order(self, order_id: str, until: float | None) -> Payload:
        return self._with_refunds(self._alone(order_id, until), until)

    def _or_none(self, order_id: str, until: float | None) -> Payload | None:
        try:
            order = self._alone(order_id, until)
        except Rejected as refusal:
            if (refusal.code, refusal.detail.get("status")) == _GONE:
                return None
            raise
        return self._with_refunds(order, until)

    def _alone(self, order_id: str, until: float | None) -> Payload:
        order: Payload = self._rest.read(f"/orders/{order_id}", {}, _the(order_id), until=until)[0]
        return order

    def _with_refunds(self, order: Payload, until: float | None = None) -> Payload:
        named = order.get("refunds")
        # An order that does not say whether it has refunds is asked for them.
        if named == [] or not order.get("id"):
            return order
        route = f"/orders/{order['id']}/refunds"

        def read(query: paging.Query) -> paging.Page:
            return self._page(route, query, until)

        refunds = {paging.identity(each): each for each in paging.by_number(read, {})}
        wrong = _objects(list(refunds.values()))
        if wrong:
            raise RetryLater(systems.OF_NO_SHAPE(what=wrong), place=f"storefront GET {route}")
        # An order that names a refund has it: its list is no proof that there is none.
        lacking = _ids(named) - _ids(list(refunds.values()))
        if lacking:
            what = systems.REFUNDS_LACKING(refunds=", ".join(sorted(lacking)))
            raise RetryLater(what, place=f"storefront GET {route}", answered=True)
        return {**order, "refunds_detail": list(refunds.values())}


def _ids(elements: Any) -> set[str]:
    listed = elements if isinstance(elements, list) else []
    return {str(each["id"]) for each in listed if isinstance(each, Mapping) and each.get("id")}


def _name(element: Any) -> str:
    """Return the number of an order of a list."""
    named = element if isinstance(element, Mapping) else {}
    return str(named.get("number") or named.get("id") or "?")[:64]


def _the(order_id: str) -> Any:
    """Return the shape of the order that was asked for."""

    def wrong(body: Any) -> str:
        if an_object(body):
            return an_object(body)
        shown = str(body.get("id"))
        return "" if shown == str(order_id) else f"order {shown[:20]}"

    return wrong


def _objects(body: Any) -> str:
    return a_list(body) or next(filter(None, map(an_object, body)), "")
