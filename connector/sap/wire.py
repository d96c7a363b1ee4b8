"""One HTTP connection to SAP: posts an envelope within its deadline, and keeps SAP's cookies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote

import requests
from requests.auth import HTTPBasicAuth
from requests.cookies import extract_cookies_to_jar, get_cookie_header

from connector.bounded import bounded
from connector.departure import LookingAdapter
from connector.sap.http import of_exception

if TYPE_CHECKING:
    from connector.sap.soap import SoapSettings

_SESSION = "sap-contextid"
_MODE = re.compile(r"-[A-Z]{3}$")
# A session is opened and closed by words in the address; which of them, the release decides.
_COMMANDS: Mapping[str, Mapping[str, str]] = {
    "open": {"session_mode": "1", "sap-sessioncmd": "open"},
    "close": {"session_mode": "2", "sap-sessioncmd": "close"},
}


class Wire:
    """What one thread, or one stateful session, posts over. `settings` say where and as whom."""

    def __init__(self, settings: SoapSettings) -> None:
        self._settings = settings
        self._session = requests.Session()
        self._session.trust_env = False
        if settings.user:
            user, password = settings.user.encode(), settings.password.encode()
            self._session.auth = HTTPBasicAuth(user, password)
        self._cert = str(settings.client_certificate) if settings.client_certificate else None
        self._proxies = (
            {"http": settings.proxy, "https": settings.proxy} if settings.proxy else None
        )
        self._verify = str(settings.ca_file) if settings.ca_file else True
        self._adapter = LookingAdapter()
        self._prepared: dict[str, requests.PreparedRequest] = {}

    def post(self, body: bytes, place: str, command: str = "") -> tuple[int, bytes]:
        """Return status and content of the answer. Raises RetryLater, InDoubt, Misconfigured.

        `command` opens or closes the session that this connection is in.
        """
        request = self._request(body, command)
        settings = self._settings
        patience = min(settings.connect_timeout, settings.call_deadline)

        def send() -> requests.Response:
            response = self._adapter.send(
                request,
                stream=True,
                timeout=(patience, settings.read_timeout),
                verify=self._verify,
                cert=self._cert,
                proxies=self._proxies,
            )
            if "Set-Cookie" in response.headers:
                extract_cookies_to_jar(self._session.cookies, request, response.raw)
            return response

        try:
            response = bounded(self._adapter, settings.call_deadline, settings.answers, send)
        except OSError as error:
            raise of_exception(error, place) from None
        return response.status_code, response.content

    def session_key(self) -> str:
        """Return by which name SAP knows the session that this connection is in; "" for none.

        Behind the name stands in which mode it was attached, new or again: it is no part of it.
        """
        found = {
            _MODE.sub("", unquote(each.value or ""))
            for each in self._session.cookies
            if each.name == _SESSION
        }
        return " ".join(sorted(found))

    def forget_session(self) -> None:
        """Name no session any more."""
        for each in [each for each in self._session.cookies if each.name == _SESSION]:
            self._session.cookies.clear(each.domain, each.path, each.name)

    def close(self) -> None:
        """Let go of the connection."""
        self._adapter.close()

    def _request(self, body: bytes, command: str) -> requests.PreparedRequest:
        """Return a request; all but body and cookies are the same each time, and prepared once."""
        if command not in self._prepared:
            fixed = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": ""}
            client = {
                "sap-client": self._settings.client,
                "sap-language": self._settings.language,
                **_COMMANDS.get(command, {}),
            }
            self._prepared[command] = self._session.prepare_request(
                requests.Request("POST", self._settings.url, params=client, headers=fixed)
            )
        request = self._prepared[command].copy()
        request.body = body
        request.headers["Content-Length"] = str(len(body))
        request.headers.pop("Cookie", None)
        if self._session.cookies:
            cookies = get_cookie_header(self._session.cookies, request)
            if cookies:
                request.headers["Cookie"] = cookies
        return request
