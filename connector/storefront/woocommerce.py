"""WooCommerce's REST interface wc/v3."""

from __future__ import annotations

import ipaddress
import json
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import requests
import tenacity
from requests.auth import HTTPBasicAuth

from connector.departure import LookingAdapter
from connector.errors import Misconfigured, RetryLater
from connector.storefront.errors import of_answer, of_exception
from connector.storefront.port import Payload
from connector.telemetry.counters import watched

_ROUTE = "/wp-json/wc/v3"
_PAGE = 100
_NUMBERS = re.compile(r"/\d+")
# A shop that does not describe itself, or a proxy before it that lets the method not through.
_UNDESCRIBED = frozenset({204, 403, 404, 405, 501})
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class WooCommerceSettings:
    """How to reach the shop. `call_deadline` bounds a read with all its repetitions."""

    url: str
    consumer_key: str
    consumer_secret: str = field(repr=False)
    connect_timeout: float = 10
    read_timeout: float = 30
    call_deadline: float = 60
    verify: bool | str = True


class WooCommerce:
    """A WooCommerce shop. Threads may share it; each has its own HTTP session."""

    def __init__(self, settings: WooCommerceSettings) -> None:
        host = urlsplit(settings.url).hostname or ""
        if not settings.url.startswith("https://") and not _is_loopback(host):
            raise Misconfigured(
                "the shop must be reached over https: key and secret travel with each request",
                place="storefront.url",
                remedy="give its https address",
            )
        self._settings = settings
        self._threads = threading.local()

    def orders_modified(self, after: datetime, before: datetime) -> Iterator[Payload]:
        """See `Storefront`. `modified_after` is exclusive, with a resolution of one second."""
        return self._orders("modified", after, before)

    def orders_placed(self, after: datetime, before: datetime) -> Iterator[Payload]:
        """See `Storefront`."""
        return self._orders("date", after, before)

    def order(self, order_id: str) -> Payload:
        """See `Storefront`."""
        return self._with_refunds(self._object(self._read(f"/orders/{order_id}", {})[0]))

    def update_order(self, order_id: str, body: Mapping[str, Any]) -> Payload:
        """See `Storefront`."""
        return self._object(self._write("PUT", f"/orders/{order_id}", body))

    def notes(self, order_id: str) -> list[Payload]:
        """See `Storefront`."""
        return self._list(self._read(f"/orders/{order_id}/notes", {})[0])

    def add_note(self, order_id: str, body: Mapping[str, Any]) -> Payload:
        """See `Storefront`."""
        return self._object(self._write("POST", f"/orders/{order_id}/notes", body))

    def describe(self) -> Payload:
        """See `Storefront`: by the method OPTIONS, as every WordPress route describes itself."""
        return self._object(self._read("/orders", {}, "OPTIONS")[0])

    def ping(self) -> str:
        """See `Storefront`."""
        _, headers = self._read("/orders", {"per_page": "1"})
        return f"WooCommerce with {headers.get('X-WP-Total', '?')} orders"

    def _orders(self, key: str, after: datetime, before: datetime) -> Iterator[Payload]:
        """Page by time and then by number.

        An order that changes while pages are read leaves its place, and those behind it move
        forward: what would be skipped so is found by reading again, until the total stood still
        or a pass brought nothing new. What left the window belongs to the next one.
        """
        names = ("modified_after", "modified_before") if key == "modified" else ("after", "before")
        query = {
            names[0]: _stamp(after.astimezone(UTC).replace(microsecond=0) - _SECOND),
            names[1]: _stamp(before.astimezone(UTC).replace(microsecond=0) + _SECOND),
            "dates_are_gmt": "true",
            "orderby": key,
            "order": "asc",
            "status": "any",
            "per_page": str(_PAGE),
        }
        seen: set[tuple[Any, Any]] = set()
        while True:
            new, moved = 0, False
            total: str | None = None
            page = 1
            while True:
                body, headers = self._read("/orders", {**query, "page": str(page)})
                moved = moved or total not in (None, headers.get("X-WP-Total"))
                total = headers.get("X-WP-Total")
                for each in self._list(body):
                    identity = (each.get("id"), each.get("date_modified_gmt"))
                    if identity not in seen:
                        seen.add(identity)
                        new += 1
                        yield self._with_refunds(each)
                if page >= int(headers.get("X-WP-TotalPages") or 1):
                    break
                page += 1
            if not (moved and new):
                return

    def _with_refunds(self, order: Payload) -> Payload:
        if not order.get("refunds") or not order.get("id"):
            return order
        refunds, _ = self._read(f"/orders/{order['id']}/refunds", {"per_page": str(_PAGE)})
        return {**order, "refunds_detail": self._list(refunds)}

    def _read(
        self, route: str, query: Mapping[str, str], method: str = "GET"
    ) -> tuple[Any, Mapping[str, str]]:
        def once() -> tuple[Any, Mapping[str, str]]:
            return self._send(method, route, write=False, params=dict(query))

        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(_soon),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=5),
            stop=tenacity.stop_after_attempt(3)
            | tenacity.stop_after_delay(self._settings.call_deadline),
            reraise=True,
        )(once)

    def _write(self, method: str, route: str, body: Mapping[str, Any]) -> Any:
        return self._send(
            method,
            route,
            write=True,
            data=json.dumps(dict(body), ensure_ascii=False, default=str).encode(),
            headers={"Content-Type": "application/json; charset=utf-8"},
        )[0]

    def _send(
        self, method: str, route: str, *, write: bool, **arguments: Any
    ) -> tuple[Any, Mapping[str, str]]:
        place = f"storefront {method} {route}"
        with watched("storefront", f"{method} {_NUMBERS.sub('/N', route)}"):
            return self._once(method, route, place, write=write, **arguments)

    def _once(
        self, method: str, route: str, place: str, *, write: bool, **arguments: Any
    ) -> tuple[Any, Mapping[str, str]]:
        try:
            response = self._session().request(
                method,
                f"{self._settings.url.rstrip('/')}{_ROUTE}{route}",
                timeout=(self._settings.connect_timeout, self._settings.read_timeout),
                allow_redirects=False,
                **arguments,
            )
        except requests.RequestException as error:
            raise of_exception(error, place=place, write=write) from None
        try:
            body = json.loads(response.content, parse_float=Decimal)
        except (ValueError, UnicodeDecodeError, RecursionError):
            body = None
        if method == "OPTIONS" and response.status_code in _UNDESCRIBED:
            return None, response.headers
        wrong = of_answer(response.status_code, body, response.headers, place=place, write=write)
        if wrong is not None:
            raise wrong
        return body, response.headers

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._threads, "session", None)
        if session is None:
            session = requests.Session()
            session.auth = HTTPBasicAuth(
                self._settings.consumer_key.encode(),
                self._settings.consumer_secret.encode(),
            )
            session.verify = self._settings.verify
            session.headers["Accept"] = "application/json"
            for scheme in ("http://", "https://"):
                session.mount(scheme, LookingAdapter())
            self._threads.session = session
        return session

    @staticmethod
    def _object(body: Any) -> Payload:
        return body if isinstance(body, dict) else {}

    @staticmethod
    def _list(body: Any) -> list[Payload]:
        return [each for each in body if isinstance(each, dict)] if isinstance(body, list) else []


def _soon(error: BaseException) -> bool:
    # A wait that the shop asks for is the job's to keep, not a call's.
    return isinstance(error, RetryLater) and error.after is None


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
