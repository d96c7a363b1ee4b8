"""Who may call the sandbox DMS: WS-Security's UsernameToken, as text or as digest."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import threading
from datetime import UTC, datetime, timedelta

from connector.sandbox.books import Clock
from connector.sandbox.dms_soap import Message, SoapError

MAX_AGE = timedelta(minutes=5)  # of a token, as WSS4J has it by default

_NONCES_KEPT = 10_000
_URI = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-"
_WSSE = f"{{{_URI}secext-1.0.xsd}}"
_WSU = f"{{{_URI}utility-1.0.xsd}}"


class Guard:
    """Lets in who carries the right token."""

    def __init__(self, clock: Clock, user: str, password: str) -> None:
        self._clock = clock
        self._user = user.encode()
        self._password = password.encode()
        self._lock = threading.Lock()
        self._digests: dict[bytes, None] = {}

    def admit(self, message: Message) -> None:
        """Raise SoapError unless the token is right, fresh and, if a digest, not used before."""
        security = None
        for block in message.header:
            if block.tag == _WSSE + "Security":
                security = block
            elif block.get(message.version.tag("mustUnderstand")) in ("1", "true"):
                raise SoapError("MustUnderstand", f"header {block.tag} is not understood")
        token = None if security is None else security.find(_WSSE + "UsernameToken")
        if token is None:
            raise _refusal("there is no UsernameToken")
        user = (token.findtext(_WSSE + "Username") or "").encode()
        password = token.find(_WSSE + "Password")
        if password is None:
            raise _refusal("the token has no password")
        given = (password.text or "").encode()
        created = token.findtext(_WSU + "Created")
        if created is not None and not self._fresh(created):
            raise _refusal("the token's time of creation is not within five minutes of now")
        is_digest = (password.get("Type") or "").endswith("#PasswordDigest")
        expected = self._password
        if is_digest:
            nonce = token.findtext(_WSSE + "Nonce")
            if not nonce or not created:
                raise _refusal("a digest needs nonce and time of creation")
            expected = _digest(nonce, created, self._password)
        known = hmac.compare_digest(user, self._user)
        if not (hmac.compare_digest(given, expected) and known):
            raise _refusal("user or password is wrong")
        if is_digest and self._used(given):
            raise _refusal("the token was used before")

    def _fresh(self, created: str) -> bool:
        try:
            moment = datetime.fromisoformat(created.strip())
        except ValueError:
            return False
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        # A caller lives by the machine's time, or in a simulated day by the sandbox's.
        return any(abs(moment - now) <= MAX_AGE for now in (datetime.now(UTC), self._clock.now()))

    def _used(self, digest: bytes) -> bool:
        with self._lock:
            if digest in self._digests:
                return True
            self._digests[digest] = None
            if len(self._digests) > _NONCES_KEPT:
                del self._digests[next(iter(self._digests))]
            return False


def _refusal(reason: str) -> SoapError:
    text = f"The security token could not be authenticated or authorized: {reason}"
    return SoapError("wsse:FailedAuthentication", text)


def _digest(nonce: str, created: str, password: bytes) -> bytes:
    """UsernameToken Profile 1.1: Base64(SHA-1(nonce + created + password))."""
    try:
        secret = base64.b64decode("".join(nonce.split()), validate=True)
    except (binascii.Error, ValueError):
        raise _refusal("the nonce is not Base64") from None
    return base64.b64encode(hashlib.sha1(secret + created.encode() + password).digest())  # noqa: S324
