"""One HTTP connection to SAP: posts an envelope within its deadline, and keeps SAP's cookies."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import requests
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from requests.cookies import extract_cookies_to_jar, get_cookie_header
from urllib3.exceptions import NewConnectionError

from connector.errors import ConnectorError, Misconfigured, RetryLater
from connector.sap.errors import lost
from connector.wording import systems

if TYPE_CHECKING:
    from connector.sap.soap import SoapSettings

_LARGEST = 50_000_000
_SESSION = "sap-contextid"
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
        self._adapter = HTTPAdapter()
        self._prepared: dict[str, requests.PreparedRequest] = {}

    def post(self, body: bytes, place: str, command: str = "") -> tuple[int, bytes]:
        """Return status and content of the answer. Raises RetryLater, InDoubt, Misconfigured.

        `command` opens or closes the session that this connection is in.
        """
        ends = time.monotonic() + self._settings.call_deadline
        request = self._request(body, command)
        try:
            response = self._adapter.send(
                request,
                stream=True,
                timeout=(self._settings.connect_timeout, self._settings.read_timeout),
                verify=self._verify,
                cert=self._cert,
                proxies=self._proxies,
            )
            if "Set-Cookie" in response.headers:
                extract_cookies_to_jar(self._session.cookies, request, response.raw)
            content = bytearray()
            with response:
                for chunk in response.iter_content(65_536):
                    content += chunk
                    if time.monotonic() > ends or len(content) > _LARGEST:
                        raise requests.ReadTimeout("the answer is too slow or too large")
        except requests.RequestException as error:
            raise _of_exception(error, place) from None
        return response.status_code, bytes(content)

    def session_key(self) -> str:
        """Return by which name SAP knows the session that this connection is in; "" for none."""
        return next(
            (each.value or "" for each in self._session.cookies if each.name == _SESSION), ""
        )

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


def _of_exception(error: requests.RequestException, place: str) -> ConnectorError:
    if isinstance(error, requests.exceptions.SSLError):
        return Misconfigured(
            "the certificate of SAP is not accepted", place=place, remedy="set sap.ca_file"
        )
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    if isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError):
        return RetryLater(systems.UNREACHABLE(), place=place)
    return lost(type(error).__name__, place)
