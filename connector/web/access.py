"""Who may see the status page: those on this machine, or who has the token."""

from __future__ import annotations

import hashlib
import hmac
from enum import Enum

from connector.encryption import is_loopback
from connector.web.answers import Request

COOKIE = "connector_status"
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Access(Enum):
    """What a request may see."""

    GRANTED = "granted"
    WANTED = "the token is wanted"
    CLOSED = "closed"  # there is no token that could be asked for


class Door:
    """Lets requests in. `token` is empty when none is set."""

    def __init__(self, address: str, token: str) -> None:
        self._token = token.encode()
        self._loopback = is_loopback(address)

    def access(self, request: Request) -> Access:
        """Say what a request may see."""
        if not self._token:
            # A page of another site that had its name lead here would not come by these names,
            # nor would what a proxy on this machine passes on from elsewhere.
            local = _host(request) in _LOCAL_NAMES and "x-forwarded-for" not in request.headers
            return Access.GRANTED if self._loopback and local else Access.CLOSED
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.is_token(given.strip()):
            return Access.GRANTED
        if hmac.compare_digest(request.cookie(COOKIE).encode(), self._pass().encode()):
            return Access.GRANTED
        return Access.WANTED

    def is_token(self, given: str) -> bool:
        """Whether this is the token; the time that it takes tells nothing of it."""
        return bool(self._token) and hmac.compare_digest(given.encode(), self._token)

    def cookie(self, request: Request) -> str:
        """Return the cookie for who has shown the token; it does not reveal the token."""
        secure = request.headers.get("x-forwarded-proto", "") == "https"
        return (
            f"{COOKIE}={self._pass()}; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200"
            f"{'; Secure' if secure else ''}"
        )

    def _pass(self) -> str:
        return hmac.new(self._token, b"connector status page", hashlib.sha256).hexdigest()


def _host(request: Request) -> str:
    host = request.headers.get("host", "").lower()
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host
