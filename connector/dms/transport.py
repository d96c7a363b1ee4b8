"""How a DMS is reached over HTTP: deadlines, limits, certificates, and no redirects."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlparse
from urllib.request import url2pathname

import requests
from requests.auth import HTTPBasicAuth
from requests.cookies import extract_cookies_to_jar
from zeep.transports import Transport

from connector.bounded import AnswerLimits, bounded
from connector.departure import LookingAdapter
from connector.dms.archive import ArchiveSettings
from connector.dms.security import Authentication, Signature, digest_answer
from connector.encryption import check_encrypted
from connector.errors import RetryLater, nothing_sent
from connector.mapping.wsdl.documents import packaged
from connector.wording import systems

# Seconds after which a connection is not used again. Servers close idle ones, many after five: a
# request that meets the end on its way is a doubt, for nothing.
_STALE = 4.0
_MOST_KINDS = 50


@dataclass(frozen=True)
class DmsSettings:
    """How to reach the DMS.

    `service` and `port` name the port of operations that a mapping names without one; `endpoint`
    replaces the WSDL's address, for all ports or by the port's name. `headers` are sent with every
    request, `soap_headers` in every envelope (path → text, see `Carried`). `token_lifetime` gives
    WS-Security's token a timestamp that is over after so long. `call_deadline` bounds a whole call,
    also of a dripping server; times are in seconds. Times without a zone in answers are of `zone`;
    `extra_elements` says whether an answer that holds more than the WSDL knows is refused, or read
    and noted. `cache` is the folder in which the last good WSDL is kept, and `wsdl_again` how often
    it is looked at for changes.
    """

    wsdl: str
    endpoint: str | Mapping[str, str] | None = None
    service: str | None = None
    port: str | None = None
    user: str = ""
    password: str = field(default="", repr=False)
    authentication: Authentication = "username_text"
    ca_file: Path | None = None
    client_certificate: Path | None = None
    proxy: str | None = None
    token_lifetime: float = 0
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    soap_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    signature: Signature | None = None
    connect_timeout: float = 10
    read_timeout: float = 30
    call_deadline: float = 60
    answers: AnswerLimits = field(default_factory=AnswerLimits)
    cache: Path | None = None
    wsdl_again: float = 3600
    archive: ArchiveSettings | None = None
    zone: tzinfo = UTC
    extra_elements: Literal["refuse", "note"] = "refuse"


class DmsTransport(Transport):
    """zeep's transport, for one call at a time: connections are reused, calls are bounded."""

    def __init__(
        self,
        settings: DmsSettings,
        documents: Mapping[str, bytes] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(settings.ca_file) if settings.ca_file else True
        if settings.client_certificate:
            self._session.cert = str(settings.client_certificate)
        if settings.proxy:
            self._session.proxies = {"http": settings.proxy, "https": settings.proxy}
        if settings.authentication == "basic":
            self._session.auth = HTTPBasicAuth(settings.user.encode(), settings.password.encode())
        self._session.headers.update(settings.headers)
        self._adapter = LookingAdapter()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, self._adapter)
        super().__init__(
            session=self._session,
            timeout=settings.read_timeout,
            operation_timeout=settings.read_timeout,
        )
        self._settings = settings
        self._documents = documents
        self._monotonic = monotonic
        self._used = 0.0
        self._options: dict[str, Any] = {
            "timeout": (
                min(settings.connect_timeout, settings.call_deadline),
                settings.read_timeout,
            ),
            "allow_redirects": False,
            "stream": True,
        }
        self._prepared: dict[tuple[Any, ...], requests.PreparedRequest] = {}

    def post(self, address: str, message: bytes, headers: Mapping[str, str]) -> requests.Response:
        """Send an envelope and return the whole answer. Raises what requests raises.

        The address is the WSDL's own where no setting replaces it: Misconfigured for one by which
        the envelope would travel unencrypted.
        """
        check_encrypted(address, place=f"DMS {address}")
        if self._settings.authentication == "digest":
            headers = {**headers, **self._digest(address)}
        return self._bounded(lambda: self._posted(address, message, headers))

    def _digest(self, address: str) -> dict[str, str]:
        """Ask for a challenge before each call, so that a write is never the one that is refused.

        An answer 401 to a write would leave open whether it was made.
        """
        with nothing_sent():
            try:
                asked = self._bounded(lambda: self._session.get(address, **self._options))
            except (requests.RequestException, OSError) as error:
                raise RetryLater(systems.UNREACHABLE(), place=f"DMS {address}") from error
        settings = self._settings
        challenge = asked.headers.get("WWW-Authenticate", "")
        answer = digest_answer(challenge, settings.user, settings.password, address)
        return {} if answer is None else {"Authorization": answer}

    def knock(self, address: str) -> None:
        """Get any answer. Raises what requests raises, and Misconfigured as `post` does."""
        check_encrypted(address, place=f"DMS {address}")
        self._bounded(lambda: self._session.get(address, **self._options))

    def load(self, url: str) -> bytes:
        """Return a document of the WSDL: of those read before, or else from where it lies."""
        if self._documents is not None:
            try:
                return self._documents[url]
            except KeyError:
                known = packaged(url)
            if known is None:
                raise OSError(f"the WSDL imports {url}, which was not read with it")
            return known
        if urlparse(url).scheme in ("http", "https"):
            check_encrypted(url, place=f"WSDL {url}")
            response = self._bounded(lambda: self._session.get(url, **self._options))
            response.raise_for_status()
            if response.is_redirect or not response.content:
                raise requests.HTTPError("no document", response=response)
            return bytes(response.content)
        path = Path(url2pathname(urlparse(url).path) if url.startswith("file:") else url)
        return path.read_bytes()

    def _posted(
        self, address: str, message: bytes, headers: Mapping[str, str]
    ) -> requests.Response:
        """Post by way of the session where it has cookies to add, else past it.

        What a session makes of a request is the same each time but for its body: it is asked once.
        """
        session = self._session
        if session.cookies:
            return session.post(address, data=message, headers=dict(headers), **self._options)
        kind = (address, *headers.items())
        if kind not in self._prepared:
            if len(self._prepared) >= _MOST_KINDS:  # headers that differ with each call
                self._prepared.clear()
            self._prepared[kind] = session.prepare_request(
                requests.Request("POST", address, headers=dict(headers))
            )
        request = self._prepared[kind].copy()
        request.body = message
        request.headers["Content-Length"] = str(len(message))
        response = self._adapter.send(
            request,
            stream=True,
            timeout=self._options["timeout"],
            verify=session.verify or False,
            cert=session.cert,
            proxies=session.proxies,
        )
        if "Set-Cookie" in response.headers:
            extract_cookies_to_jar(session.cookies, request, response.raw)
        return response

    def _bounded(self, request: Callable[[], requests.Response]) -> requests.Response:
        if self._monotonic() - self._used > _STALE:
            self._adapter.close()
        settings = self._settings
        response = bounded(self._adapter, settings.call_deadline, settings.answers, request)
        self._used = self._monotonic()
        return response
