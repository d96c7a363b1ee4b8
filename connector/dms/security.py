"""By what a DMS knows who calls: WS-Security, HTTP's digest, and signatures over the body."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from lxml import etree
from requests.auth import HTTPDigestAuth
from requests.utils import parse_dict_header
from zeep.wsse.username import UsernameToken

Authentication = Literal["username_text", "username_digest", "basic", "digest", "none"]
Recipe = Literal["hmac_sha256", "md5"]

_WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"


@dataclass(frozen=True)
class Signature:
    """A signature over the SOAP body, sent in an HTTP header. `recipe` names how it is made.

    hmac_sha256: HMAC-SHA256 with the key; md5: MD5 of key, body and key. Both are of the body's
    canonical form (exclusive C14N) and written in hexadecimal.
    """

    recipe: Recipe
    header: str
    key: str = field(repr=False)


_RECIPES: dict[Recipe, Callable[[bytes, bytes], str]] = {
    "hmac_sha256": lambda key, body: hmac.new(key, body, hashlib.sha256).hexdigest(),
    "md5": lambda key, body: hashlib.md5(key + body + key).hexdigest(),  # noqa: S324
}


def signed(signature: Signature, envelope: etree._Element) -> dict[str, str]:
    """Return the HTTP header that signs the body of an envelope."""
    body = next(envelope.iterchildren("{*}Body"))
    canonical = etree.tostring(body, method="c14n", exclusive=True)
    return {signature.header: _RECIPES[signature.recipe](signature.key.encode(), canonical)}


def username_token(
    authentication: Authentication, user: str, password: str, lifetime: float
) -> UsernameToken | None:
    """Return WS-Security's token for one call; with a lifetime (seconds) it bears a timestamp."""
    if authentication not in ("username_text", "username_digest"):
        return None
    stamp = _timestamp(lifetime) if lifetime else None
    digest = authentication == "username_digest"
    return UsernameToken(  # type: ignore[no-untyped-call]
        user, password, use_digest=digest, timestamp_token=stamp
    )


def _timestamp(lifetime: float) -> etree._Element:
    stamp = etree.Element(f"{{{_WSU}}}Timestamp", nsmap={"wsu": _WSU})
    now = datetime.now(UTC)
    for name, moment in (("Created", now), ("Expires", now + timedelta(seconds=lifetime))):
        etree.SubElement(stamp, f"{{{_WSU}}}{name}").text = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    return stamp


def digest_answer(challenge: str, user: str, password: str, url: str) -> str | None:
    """Return the header Authorization of a POST for HTTP's digest; None where none is wanted."""
    scheme, _, parameters = challenge.partition(" ")
    if scheme.lower() != "digest":
        return None
    digest: Any = HTTPDigestAuth(user, password)
    digest.init_per_thread_state()
    digest._thread_local.chal = parse_dict_header(parameters)  # type: ignore[no-untyped-call]
    return str(digest.build_digest_header("POST", url))
