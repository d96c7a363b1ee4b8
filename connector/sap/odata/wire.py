"""The HTTP session of one thread, or of one write, with SAP: cookies, credentials, CSRF token."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from connector.bounded import AnswerLimits, bounded
from connector.departure import LookingAdapter
from connector.errors import ConnectorError, LogonFailed, Misconfigured, RetryLater, without_effect
from connector.sap.http import of_exception
from connector.sap.odata.errors import Reply, of_reply, token_required
from connector.wording import quoted

# Seconds before its end at which an access token is not used any more.
_EARLY = 60.0
_USUAL_LIFE = 600.0
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ODataSettings:
    """How to reach SAP's OData services. `call_deadline` bounds one whole call.

    `url` is the folder of the services, and `services` the address of those that lie elsewhere.
    With oauth2, `user` and `password` are the client's, and `token_url` gives the access tokens.
    """

    url: str
    client: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    language: str = "ZH"
    authentication: Literal["basic", "oauth2", "certificate"] = "basic"
    token_url: str = ""
    scope: str = ""
    services: Mapping[str, str] = field(default_factory=dict)
    client_certificate: Path | None = None
    ca_file: Path | None = None
    proxy: str | None = None
    connect_timeout: float = 10
    read_timeout: float = 60
    call_deadline: float = 90
    sessions: int = 8
    answers: AnswerLimits = field(default_factory=AnswerLimits)

    def address(self, service: str) -> str:
        """Return the address of a service."""
        return self.services.get(service) or f"{self.url.rstrip('/')}/{service}"


class Write(NamedTuple):
    """A request that creates, or changes what is in the state that `etag` names."""

    method: str
    service: str
    path: str
    body: bytes
    etag: str = ""


class AccessToken:
    """The access token of OAuth's client credentials; all threads share one until it ends."""

    def __init__(
        self, settings: ODataSettings, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._token, self._ends = "", 0.0

    def get(self) -> str:
        """Return a valid token. Raises LogonFailed, RetryLater or Misconfigured: nothing sent."""
        with self._lock:
            if not self._token or self._monotonic() >= self._ends:
                self._token, lasts = self._fetched()
                self._ends = self._monotonic() + max(lasts - _EARLY, lasts / 2)
            return self._token

    def forget(self, token: str) -> None:
        """Have a token that SAP refused fetched anew."""
        with self._lock:
            if token == self._token:
                self._token = ""

    def _fetched(self) -> tuple[str, float]:
        settings, place = self._settings, "SAP token"
        body = {"grant_type": "client_credentials"}
        if settings.scope:
            body["scope"] = settings.scope
        credentials = HTTPBasicAuth(settings.user.encode(), settings.password.encode())
        http = Http(settings)
        try:
            # The way to the token is no part of the write that waits for it.
            response = http.request("POST", settings.token_url, data=body, auth=credentials)
        except OSError as error:
            raise without_effect(_later(of_exception(error, place))) from None
        finally:
            http.close()
        if response.status_code in (400, 401, 403):
            # invalid_client, invalid_grant, unauthorized_client: our credentials, as RFC 6749 says.
            raise without_effect(
                LogonFailed(
                    f"the token service refuses our credentials: HTTP {response.status_code}",
                    place=place,
                    remedy="check sap.user, CONNECTOR_SAP__PASSWORD, sap.scope and sap.token_url",
                )
            )
        if response.status_code >= 500 or response.status_code == 429:
            raise RetryLater(quoted(f"HTTP {response.status_code}"), place=place)
        try:
            found = response.json()
            return str(found["access_token"]), _lasts(found.get("expires_in"))
        except (ValueError, TypeError, KeyError):
            raise without_effect(
                Misconfigured(
                    f"HTTP {response.status_code} without an access token",
                    place=place,
                    remedy="check sap.token_url",
                )
            ) from None


class Wire:
    """One HTTP session. What it keeps — cookies and CSRF token — belongs together."""

    def __init__(self, settings: ODataSettings, token: AccessToken | None) -> None:
        self._settings = settings
        self._access = token
        self._http = Http(settings)
        self._csrf: dict[str, str] = {}

    def get(self, service: str, path: str, query: Pairs, place: str) -> Reply:
        """Read. Raises what the answer means where it is none that may be read."""
        reply = self._send("GET", service, path, query, {}, None, place)
        wrong = of_reply(reply, place, write=False)
        if wrong is not None:
            raise wrong
        return reply

    def metadata(self, service: str, place: str) -> bytes:
        """Return the service's description of itself."""
        accept = {"Accept": "application/xml"}
        reply = self._send("GET", service, "$metadata", (), accept, None, place)
        wrong = of_reply(reply, place, write=False)
        if wrong is not None:
            raise wrong
        return reply.content

    def fetch_token(self, service: str, place: str) -> bool:
        """Fetch a CSRF token with the cookies that belong to it; whether SAP gave one."""
        fetch = {"x-csrf-token": "Fetch"}
        reply = self._send("GET", service, "", (), fetch, None, place)
        wrong = of_reply(reply, place, write=False)
        if wrong is not None:
            raise without_effect(wrong)
        token = reply.headers.get("x-csrf-token", "")
        self._csrf[service] = "" if token.lower() in ("fetch", "required") else token
        return bool(self._csrf[service])

    def write(self, request: Write, place: str) -> Reply:
        """Create or change. A token that SAP does not take is fetched anew, once."""
        method, service, path, body, etag = request
        if service not in self._csrf:
            self.fetch_token(service, place)
        for again in (False, True):
            headers = {"Content-Type": "application/json; charset=utf-8"}
            if self._csrf[service]:
                headers["x-csrf-token"] = self._csrf[service]
            if etag:
                headers["If-Match"] = etag
            reply = self._send(method, service, path, (), headers, body, place)
            if not token_required(reply):
                break
            if again or not self.fetch_token(service, place):
                raise without_effect(_no_token(place, given=again))
        wrong = of_reply(reply, place, write=True, conditional=bool(etag))
        if wrong is not None:
            raise wrong
        return reply

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def _send(
        self,
        method: str,
        service: str,
        path: str,
        query: Pairs,
        headers: Mapping[str, str],
        body: bytes | None,
        place: str,
    ) -> Reply:
        address = self._settings.address(service)
        common = {"sap-client": self._settings.client, "sap-language": self._settings.language}
        # The address of a next page has these already.
        asked = {**{name: each for name, each in common.items() if each}, **dict(query)}
        # Blanks as %20: a plus sign is no blank to SAP, who reads it as one in names.
        text = "&".join(f"{name}={quote(value, safe='')}" for name, value in asked.items())
        url = f"{address.rstrip('/')}/{path}?{text}"
        for again in (False, True):
            bearer = self._access.get() if self._access is not None else ""
            more = {"Authorization": f"Bearer {bearer}"} if bearer else {}
            reply = self._once(method, url, {**headers, **more}, body, place)
            if reply.status != 401 or self._access is None or again or method != "GET":
                break
            # It was revoked, or ended sooner than it said.
            self._access.forget(bearer)
        return reply

    def _once(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, place: str
    ) -> Reply:
        try:
            response = self._http.request(method, url, data=body, headers=dict(headers))
        except OSError as error:
            wrong = of_exception(error, place)
            raise (wrong if method != "GET" else _later(wrong)) from None
        return Reply(response.status_code, response.headers, response.content)


def _lasts(said: Any) -> float:
    """Return how many seconds an access token may be used; few where it does not say so rightly."""
    seconds = float(said or _USUAL_LIFE)
    return seconds if 0 < seconds < math.inf else _USUAL_LIFE


class _NoAuth(AuthBase):
    """Keeps requests from looking for a password in the machine's own files."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class Http:
    """An HTTP session as the settings want it, whose requests end within the call's deadline."""

    def __init__(self, settings: ODataSettings) -> None:
        self._settings = settings
        self._adapter = LookingAdapter()
        session = self._session = requests.Session()
        # Neither a proxy nor a password of the machine's environment gets in between.
        session.trust_env = False
        session.verify = str(settings.ca_file) if settings.ca_file else True
        if settings.client_certificate:
            session.cert = str(settings.client_certificate)
        if settings.proxy:
            session.proxies = {"http": settings.proxy, "https": settings.proxy}
        session.auth = (
            HTTPBasicAuth(settings.user.encode(), settings.password.encode())
            if settings.authentication == "basic"
            else _NoAuth()
        )
        session.headers["Accept"] = "application/json"
        for scheme in ("http://", "https://"):
            session.mount(scheme, self._adapter)

    def request(self, method: str, url: str, **arguments: Any) -> requests.Response:
        """Make a request and read its answer. Raises what requests raises."""
        settings = self._settings
        patience = min(settings.connect_timeout, settings.call_deadline)

        def send() -> requests.Response:
            return self._session.request(
                method,
                url,
                timeout=(patience, settings.read_timeout),
                allow_redirects=False,
                stream=True,
                **arguments,
            )

        response = bounded(self._adapter, settings.call_deadline, settings.answers, send)
        settings.answers.check_depth(response.content)
        return response

    def close(self) -> None:
        """Let go of the connection."""
        self._session.close()


def _later(error: ConnectorError) -> ConnectorError:
    if isinstance(error, Misconfigured | RetryLater):
        return error
    return RetryLater(error.message, place=error.place)


def _no_token(place: str, *, given: bool) -> Misconfigured:
    if given:
        return Misconfigured(
            "SAP does not take the CSRF token that it gave",
            place=place,
            remedy="a load balancer or proxy before SAP must keep a session on one server and let"
            " its cookies through",
        )
    return Misconfigured(
        "SAP asks for a CSRF token and gives none",
        place=place,
        remedy="a proxy before SAP must let the header x-csrf-token through, both ways",
    )
