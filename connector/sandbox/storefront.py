"""The storefront as a local server: the orders and products of WooCommerce's wc/v3."""

from __future__ import annotations

import base64
import email.utils
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from importlib import resources
from pathlib import Path
from typing import Any

from connector.sandbox.books import Books, Clock, Document
from connector.sandbox.storefront_answers import Refused, body_of, json_of, page_of, refusal
from connector.sandbox.storefront_products import Products
from connector.sandbox.storefront_query import STATUSES, InvalidParameter, Query
from connector.sandbox.storefront_refunds import InvalidRefund, of_request, set_apart
from connector.sandbox.storefront_seed import (
    completed,
    placed_until,
    products_of,
    read_orders,
    sample_refunds,
    stamp_of,
    variations_of,
)
from connector.sandbox.storefront_shown import (
    PRODUCT,
    REFUND,
    VARIATION,
    refunds_of,
    shown,
    stored,
    stored_note,
)
from connector.sandbox.web import Request, Response

ORDER, NOTE = "storefront.order", "storefront.note"
_ROUTE = "/wp-json/wc/v3"
_CHANGEABLE = ("status", "customer_note", "billing", "shipping", "transaction_id", "line_items")


class StorefrontApplication:
    """The sandbox's shop. `orders` is a file with any list of WooCommerce orders.

    With `newest` the samples, which are of one evening, are sold so that the last of them is
    placed then.
    """

    system = "storefront"

    def __init__(
        self,
        books: Books,
        clock: Clock,
        *,
        consumer_key: str = "ck_sandbox",
        consumer_secret: str = "cs_sandbox",
        orders: Path | None = None,
        newest: datetime | None = None,
    ) -> None:
        self._books = books
        self._clock = clock
        self._credentials = (consumer_key, consumer_secret)
        self.endless: set[int] = set()  # orders with an endless number in their meta data
        listed = read_orders(orders, stamp_of(clock))
        listed, refunds = set_apart(listed)
        if orders is None:
            refunds = sample_refunds()
        if newest is not None and orders is None:
            listed, refunds = placed_until(newest, listed, refunds)
        books.seed(ORDER, ((str(order["id"]), order) for order in listed))
        books.seed(REFUND, ((str(refund["id"]), refund) for refund in refunds))
        books.seed(PRODUCT, products_of(listed))
        books.seed(VARIATION, variations_of(listed))
        routes: list[tuple[str, str, Callable[..., Any]]] = [
            ("GET", "/orders", self._list_orders),
            ("OPTIONS", "/orders", self._describe_orders),
            ("POST", "/orders", self._create_order),
            ("GET", r"/orders/([^/]+)", self._get_order),
            ("PUT", r"/orders/([^/]+)", self._update_order),
            ("POST", r"/orders/([^/]+)", self._update_order),
            ("DELETE", r"/orders/([^/]+)", self._delete_order),
            ("GET", r"/orders/([^/]+)/notes", self._list_notes),
            ("POST", r"/orders/([^/]+)/notes", self._add_note),
            ("GET", r"/orders/([^/]+)/refunds", self._list_refunds),
            ("POST", r"/orders/([^/]+)/refunds", self._add_refund),
            *Products(books, self._next_id).routes,
        ]
        self._routes = [
            (method, re.compile(f"^{_ROUTE}{pattern}/?$"), handler)
            for method, pattern, handler in routes
        ]

    def operation(self, request: Request) -> tuple[str, bool]:
        """See `Application`: "PUT /orders/{id}"."""
        route = re.sub(r"/(orders|products|variations)/(?!batch)[^/]+", r"/\1/{id}", request.path)
        writes = request.method not in ("GET", "OPTIONS")
        return f"{request.method} {route.removeprefix(_ROUTE)}", writes

    def refuse(self, request: Request, code: str, text: str) -> Response:
        """See `Application`."""
        return refusal(Refused(400, f"woocommerce_{code.lower()}", text))

    def handle(self, request: Request) -> Response:
        """See `Application`. The answer is dated by the shop's own clock."""
        answer = self._handle(request)
        date = email.utils.format_datetime(self._clock.shop_now(), usegmt=True)
        return replace(answer, headers={"Date": date, **answer.headers})

    def _handle(self, request: Request) -> Response:
        try:
            self._admit(request)
            for method, pattern, handler in self._routes:
                match = pattern.match(request.path)
                if match and method == request.method:
                    with self._books.lock:
                        return self._answer(handler(request, *match.groups()))
            raise Refused(404, "rest_no_route", "No route was found matching the URL.")
        except InvalidParameter as error:
            return refusal(Refused(400, "rest_invalid_param", f"Invalid parameter(s): {error}"))
        except Refused as error:
            return refusal(error)

    def _answer(self, made: Any) -> Response:
        if isinstance(made, Response):
            return made
        status, body = made
        return json_of(status, body)

    def _admit(self, request: Request) -> None:
        """Know the key, in the header or in the query. Raises Refused, in WooCommerce's words."""
        given = (request.query.get("consumer_key"), request.query.get("consumer_secret"))
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                key, _, secret = base64.b64decode(token).decode().partition(":")
            except ValueError:
                key, secret = "", ""
            given = (key, secret)
        if given == (None, None):
            # A web server that keeps the header to itself looks like nobody.
            raise Refused(401, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")
        if given != self._credentials:
            code = "woocommerce_rest_authentication_error"
            raise Refused(401, code, "Consumer key is invalid.")

    def _list_orders(self, request: Request) -> Response:
        query = Query.of(request.query)
        orders = [order for order in self._books.all(ORDER) if query.holds(order)]
        orders.sort(key=query.key, reverse=query.descending)
        rows = [shown(self._books, each) for each in query.sliced(orders)]
        if "_fields" in request.query:
            names = request.query["_fields"].split(",")
            rows = [{name: each[name] for name in names if name in each} for each in rows]
        self._encoded(rows)
        return page_of(request, query, rows, len(orders))

    def _encoded(self, rows: list[Document]) -> None:
        """Raise Refused, as WordPress does for all that it was asked for, where one is no JSON."""
        if any(each["id"] in self.endless and "meta_data" in each for each in rows):
            raise Refused(500, "rest_encode_error", "Inf and NaN cannot be JSON encoded")

    def _describe_orders(self, _request: Request) -> tuple[int, Document]:
        """Answer what WooCommerce says of its orders, without the words for people."""
        text = resources.files("connector.sandbox").joinpath("storefront_orders.json")
        described: Document = json.loads(text.read_text("utf-8"))
        return 200, described

    def _get_order(self, _request: Request, key: str) -> tuple[int, Document]:
        order = shown(self._books, self._order(key))
        self._encoded([order])
        return 200, order

    def _create_order(self, request: Request) -> tuple[int, Document]:
        body = body_of(request)
        number = self._next_id()
        order = completed(
            {**body, "id": number, "number": str(number)}, stamp_of(self._clock), number
        )
        self._books.put(ORDER, str(number), order)
        return 201, order

    def _update_order(self, request: Request, key: str) -> tuple[int, Document]:
        order, body = self._order(key), body_of(request)
        status = body.get("status", order["status"])
        # A plugin's own status stays; to be set it must be one that the shop knows.
        if "status" in body and status not in STATUSES:
            raise InvalidParameter("status")
        changed = {**order, **{name: body[name] for name in _CHANGEABLE if name in body}}
        if "meta_data" in body:
            changed["meta_data"] = self._merged(order.get("meta_data"), body["meta_data"])
        changed["date_modified"] = changed["date_modified_gmt"] = stamp_of(self._clock)
        if status == "completed" and not order.get("date_completed_gmt"):
            changed["date_completed"] = changed["date_completed_gmt"] = stamp_of(self._clock)
        self._books.put(ORDER, key, changed)
        return 200, shown(self._books, changed)

    def _delete_order(self, request: Request, key: str) -> tuple[int, Document]:
        """Trash an order, or delete it for good with `force`."""
        order = self._order(key)
        if request.query.get("force") == "true":
            self._books.delete(ORDER, key)
            return 200, order
        if order["status"] == "trash":
            code = "woocommerce_rest_already_trashed"
            raise Refused(410, code, "The order has already been deleted.")
        stamp = stamp_of(self._clock)
        trashed = {
            **order, "status": "trash", "date_modified": stamp, "date_modified_gmt": stamp
        }  # fmt: skip
        self._books.put(ORDER, key, trashed)
        return 200, trashed

    def _merged(self, held: Any, given: Any) -> list[Document]:
        """Merge meta data as WooCommerce does: by id, else by key, else a new entry."""
        entries = [dict(each) for each in held] if isinstance(held, list) else []
        for each in given if isinstance(given, list) else []:
            if not isinstance(each, dict) or not each.get("key"):
                continue
            same = next(
                (
                    entry
                    for entry in entries
                    if (entry.get("id") == each["id"] if each.get("id") else False)
                    or (not each.get("id") and entry.get("key") == each["key"])
                ),
                None,
            )
            if same is None:
                number = self._books.next_number("storefront.meta", 100_000)
                value = stored(each.get("value"))
                entries.append({"id": number, "key": each["key"], "value": value})
            else:
                same["value"] = stored(each.get("value"))
        return entries

    def _list_notes(self, _request: Request, key: str) -> tuple[int, list[Document]]:
        self._order(key)
        notes = [each for each in self._books.all(NOTE) if each["order"] == key]
        return 200, [
            {name: value for name, value in each.items() if name != "order"} for each in notes
        ]

    def _add_note(self, request: Request, key: str) -> tuple[int, Document]:
        self._order(key)
        body = body_of(request)
        if not body.get("note"):
            raise InvalidParameter("note")
        number = self._books.next_number("storefront.note", 5_000)
        note = {
            "id": number,
            "author": "WooCommerce",
            "date_created": stamp_of(self._clock),
            "date_created_gmt": stamp_of(self._clock),
            "note": stored_note(str(body["note"])),
            "customer_note": bool(body.get("customer_note", False)),
        }
        self._books.put(NOTE, str(number), {**note, "order": key})
        return 201, note

    def _list_refunds(self, request: Request, key: str) -> Response:
        self._order(key)
        query = Query.of({**request.query, "status": "any"})
        refunds = refunds_of(self._books, key)
        return page_of(request, query, query.sliced(refunds), len(refunds))

    def _add_refund(self, request: Request, key: str) -> tuple[int, Document]:
        order, body = self._order(key), body_of(request)
        number = self._next_id()
        given = sum(Decimal(each["amount"]) for each in refunds_of(self._books, key))
        try:
            left = Decimal(str(order.get("total"))) - given
            refund = of_request(order, number, stamp_of(self._clock), body, left)
        except (InvalidRefund, InvalidOperation) as error:
            raise Refused(500, "woocommerce_rest_cannot_create_order_refund", str(error)) from None
        self._books.put(REFUND, str(number), {**refund, "order": key})
        stamp = stamp_of(self._clock)
        self._books.put(ORDER, key, {**order, "date_modified": stamp, "date_modified_gmt": stamp})
        return 201, refund

    def _order(self, key: str) -> Document:
        order = self._books.get(ORDER, key)
        if order is None:
            raise Refused(404, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.")
        return order

    def _next_id(self) -> int:
        return self._books.next_number("storefront.id", 100_001)
