"""Requests to a WordPress site's REST interface: sent, repeated where that is safe, understood."""

from __future__ import annotations

import email.utils
import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import requests
import tenacity
from requests.auth import HTTPBasicAuth

from connector.bounded import AnswerLimits, bounded
from connector.departure import LookingAdapter
from connector.encryption import check_encrypted
from connector.errors import InDoubt, RetryLater
from connector.storefront.errors import of_answer, of_exception
from connector.storefront.parsing import parsed
from connector.telemetry.counters import watched
from connector.wording import systems

_ROUTE = "/wp-json/wc/v3"
_NUMBERS = re.compile(r"/\d+")
# A shop that does not describe itself, or a proxy before it that lets the method not through.
_UNDESCRIBED = frozenset({204, 403, 404, 405, 501})

Headers = Mapping[str, str]
# What an answer must be: says what is wrong with a body, or nothing.
Shape = Callable[[Any], str]


@dataclass(frozen=True)
class WooCommerceSettings:
    """How to reach the shop. `call_deadline` bounds a write, and a read with all its repetitions.

    Some shops bear smaller pages only, refuse to list by time of modification (`ordering` id), or
    stand behind a web server that keeps the header Authorization to itself (`key_in` query).
    """

    url: str
    consumer_key: str
    consumer_secret: str = field(repr=False)
    connect_timeout: float = 10
    read_timeout: float = 30
    call_deadline: float = 60
    page_size: int = 100
    ordering: Literal["modified", "id"] = "modified"
    key_in: Literal["header", "query"] = "header"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    user_agent: str = "connector"
    ca_file: Path | None = None
    proxy: str | None = None
    answers: AnswerLimits = field(default_factory=AnswerLimits)


class Rest:
    """The interface of one shop. Threads may share it; each has its own HTTP session."""

    def __init__(
        self, settings: WooCommerceSettings, may: Callable[[], None] = lambda: None
    ) -> None:
        """`may` is called before each request; what it raises keeps it back."""
        check_encrypted(settings.url, place="storefront.url")
        self._settings = settings
        self._may = may
        self._threads = threading.local()
        self._accepted = False

    def read(
        self,
        route: str,
        query: Mapping[str, str],
        shape: Shape,
        *,
        method: str = "GET",
        until: float | None = None,
    ) -> tuple[Any, Headers]:
        """Read, again after a while where that may help. `until` bounds it, by `time.monotonic`.

        Raises RetryLater for an answer that has not the shape: it is never "nothing".
        """
        end = time.monotonic() + self._settings.call_deadline
        end = end if until is None else min(end, until)

        def once() -> tuple[Any, Headers]:
            left = end - time.monotonic()
            if left <= 0:
                raise RetryLater(systems.NO_TIME_LEFT(), place=f"storefront {method} {route}")
            # A cache between us would answer with what was there before our own write.
            fresh = {"_": f"{time.time_ns():x}"} if method == "GET" else {}
            headers = {"Cache-Control": "no-cache", "Pragma": "no-cache"}
            params = {**query, **fresh}
            answer = self._send(
                method, route, write=False, left=left, params=params, headers=headers
            )
            wrong = shape(answer[0])
            if wrong:
                what = systems.OF_NO_SHAPE(what=wrong)
                raise RetryLater(what, place=f"storefront {method} {route}")
            return answer

        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(_soon),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=5),
            stop=tenacity.stop_after_attempt(3)
            | tenacity.stop_after_delay(max(end - time.monotonic(), 0)),
            reraise=True,
        )(once)

    def write(self, method: str, route: str, body: Mapping[str, Any], shape: Shape) -> Any:
        """Write, once. Raises InDoubt for an answer that has not the shape."""
        answer, _ = self._send(
            method,
            route,
            write=True,
            data=json.dumps(dict(body), ensure_ascii=False, default=str).encode(),
            headers={"Content-Type": "application/json; charset=utf-8"},
        )
        wrong = shape(answer)
        if wrong:
            raise InDoubt(systems.OF_NO_SHAPE(what=wrong), place=f"storefront {method} {route}")
        return answer

    def _send(
        self, method: str, route: str, *, write: bool, left: float | None = None, **arguments: Any
    ) -> tuple[Any, Headers]:
        place = f"storefront {method} {route}"
        self._may()
        with watched("storefront", f"{method} {_NUMBERS.sub('/N', route)}"):
            return self._once(method, route, place, write=write, left=left, **arguments)

    def _once(
        self,
        method: str,
        route: str,
        place: str,
        *,
        write: bool,
        left: float | None,
        **arguments: Any,
    ) -> tuple[Any, Headers]:
        settings = self._settings
        seconds = settings.call_deadline if left is None else left
        patience = min(settings.connect_timeout, seconds)
        if self._settings.key_in == "query":
            arguments["params"] = {**arguments.get("params", {}), **self._credentials()}
        session, adapter = self._session()

        def send() -> requests.Response:
            return session.request(
                method,
                f"{settings.url.rstrip('/')}{_ROUTE}{route}",
                timeout=(patience, settings.read_timeout),
                allow_redirects=False,
                stream=True,
                **arguments,
            )

        try:
            response = bounded(adapter, seconds, settings.answers, send)
        except requests.RequestException as error:
            raise of_exception(error, place=place, write=write) from None
        try:
            body = parsed(response.content, settings.answers.deepest)
        except ValueError:
            body = None
        if method == "OPTIONS" and response.status_code in _UNDESCRIBED:
            return {}, response.headers
        wrong = of_answer(
            response.status_code,
            body,
            response.headers,
            place=place,
            write=write,
            accepted=self._accepted,
        )
        if wrong is not None:
            raise wrong
        self._accepted = True
        return body, response.headers

    def _credentials(self) -> dict[str, str]:
        key, secret = self._settings.consumer_key, self._settings.consumer_secret
        return {"consumer_key": key, "consumer_secret": secret}

    def _session(self) -> tuple[requests.Session, LookingAdapter]:
        kept: tuple[requests.Session, LookingAdapter] | None
        kept = getattr(self._threads, "session", None)
        if kept is None:
            adapter = LookingAdapter()
            settings = self._settings
            session = requests.Session()
            # Neither a proxy nor a password of the machine's environment gets in between.
            session.trust_env = False
            if settings.key_in == "header":
                session.auth = HTTPBasicAuth(
                    settings.consumer_key.encode(), settings.consumer_secret.encode()
                )
            session.verify = str(settings.ca_file) if settings.ca_file else True
            if settings.proxy:
                session.proxies = {"http": settings.proxy, "https": settings.proxy}
            for scheme in ("http://", "https://"):
                session.mount(scheme, adapter)
            session.headers["Accept"] = "application/json"
            session.headers["User-Agent"] = settings.user_agent
            session.headers.update(settings.headers)
            kept = self._threads.session = session, adapter
        return kept


def a_list(body: Any) -> str:
    """Say what else a body is than a list."""
    return "" if isinstance(body, list) else _seen(body)


def an_object(body: Any) -> str:
    """Say what else a body is than an object."""
    return "" if isinstance(body, dict) and not _is_error(body) else _seen(body)


def total_of(headers: Headers, listed: int) -> int | None:
    """Return how many elements there are in all, unless the header cannot be believed.

    Proxies and caches drop it, empty it, or send it twice ("3, 3").
    """
    text = (headers.get("X-WP-Total") or "").strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        return None
    return int(text) if int(text) >= listed else None


def date_of(headers: Headers) -> datetime | None:
    """Return the time that an answer bears; one that a cache kept is older by its age."""
    try:
        moment = email.utils.parsedate_to_datetime(headers.get("Date") or "")
    except (TypeError, ValueError):
        return None
    age = (headers.get("Age") or "").strip()
    kept = timedelta(seconds=int(age) if age.isascii() and age.isdigit() and len(age) < 9 else 0)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC) + kept


def _seen(body: Any) -> str:
    if isinstance(body, dict):
        code = f" {str(body['code'])[:60]}" if body.get("code") else ""
        return f"JSON object{code}"
    names = {list: "JSON list", type(None): "null", str: "text"}
    return names.get(type(body), type(body).__name__)


def _is_error(body: Mapping[str, Any]) -> bool:
    return "code" in body and "message" in body and "id" not in body


def _soon(error: BaseException) -> bool:
    # A wait that the shop asks for is the job's to keep, not a call's.
    return isinstance(error, RetryLater) and error.after is None
