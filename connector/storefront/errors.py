"""What the storefront's errors mean for the connector, as a table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import requests

from connector import retry_after
from connector.bounded import AnswerTooLarge
from connector.departure import certificate_refused, not_connected
from connector.domain.masking import mask_text
from connector.errors import (
    ConnectorError,
    InDoubt,
    Misconfigured,
    Rejected,
    RetryLater,
    without_effect,
)
from connector.wording import quarantine, quoted, systems

# HTTP status → what it says about the request. "unsure": a server that failed may have done the
# work before it failed, so that a write is in doubt; a read is simply made again. Of a write only
# WooCommerce's own words prove that it had no effect: a redirect, a firewall's page or a refusal
# without them may come after the work, and are in doubt whatever their status.
_BY_STATUS: Mapping[int, str] = {
    400: "rejected",
    401: "logon",
    403: "forbidden",
    404: "rejected",
    405: "misconfigured",
    408: "unsure",
    409: "rejected",
    413: "rejected",
    422: "rejected",
    429: "later",
}
_WORDS, _READ = 120, 1000
_CODE = re.compile(r"[\w.-]{1,80}", re.ASCII)
# A shop's own words may repeat what was typed: of numbers, and of words that may be a name, a
# street or a company, the first character stays.
_MAY_BE_PERSONAL = re.compile(
    r"(?P<first>\d)[\d-]{3,}\w*|(?P<other>[^\W\d_])(?<![\x00-\x7f])[^\s\x00-\x7f]*"
    r"|(?<=[\w,:;] )(?P<capital>[A-Z])[a-z][\w'-]*"
)
# What WooCommerce says to whom it does not know at all; a wrong key it calls wrong.
_NOBODY = "woocommerce_rest_cannot_view"
_ROUTES = "/wp-json"
# What WordPress itself says while WooCommerce is switched off, as it is during an update: in the
# search for who is to be called (WP_REST_Server::match_request_to_handler), before anything is
# done. With another status it is somebody else's word, which proves nothing.
_NO_ROUTE = (404, "rest_no_route")


def of_exception(error: requests.RequestException, *, place: str, write: bool) -> ConnectorError:
    """Type what `requests` raised: only a connection that never came about proves absence."""
    if certificate_refused(error):
        return without_effect(
            Misconfigured(
                "the certificate of the storefront is not accepted",
                place=place,
                remedy="install its CA, or correct storefront.url",
            )
        )
    if not_connected(error):
        return RetryLater(systems.UNREACHABLE(), place=place)
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema):
        return without_effect(
            Misconfigured(
                "is no address",
                place="storefront.url",
                remedy="for example https://shop.example.com",
            )
        )
    if isinstance(error, AnswerTooLarge):
        what = quarantine.ANSWER_TOO_LARGE(what=str(error))
    else:
        what = systems.ANSWER_LOST(what=type(error).__name__)
    return InDoubt(what, place=place) if write else RetryLater(what, place=place)


def of_answer(
    status: int,
    body: Any,
    headers: Mapping[str, str],
    *,
    place: str,
    write: bool,
    accepted: bool = False,
) -> ConnectorError | None:
    """Type an HTTP answer; None when it is a good one.

    `accepted` says that the shop took the same key before: a plug-in, a proxy or another of its
    servers then refused one request, and the next may do. No key is ever locked, so that even a
    wrong one is tried again.
    A write that is in doubt is asked about at once, which tells what settings are to blame.
    """
    if 200 <= status < 300 and body is not None:
        return None
    code, text = _said(body, status)
    kind = _BY_STATUS.get(status, "redirect" if 300 <= status < 400 else "unsure")
    own_words = code.startswith(("woocommerce_", "rest_"))
    if (status, code) == _NO_ROUTE:
        return RetryLater(systems.NO_WOOCOMMERCE(), place=place)
    if write and not own_words:
        kind = "unsure"
    elif kind == "forbidden" and not own_words:
        return Misconfigured(
            "HTTP 403 from a firewall or a security plug-in, not from the shop",
            place=place,
            remedy="have this machine's address let through to /wp-json/wc/v3"
            ", or set storefront.user_agent or storefront.headers as the firewall wants them",
        )
    elif kind == "rejected" and not own_words:
        # A proxy or another server answers at this address.
        kind = "unsure" if status != 404 else "misconfigured"
    if kind == "rejected":
        return Rejected(code, text, place=place, detail={"status": status})
    if kind == "logon" and accepted:
        return RetryLater(systems.KEY_REFUSED_NOW(text=text), place=place)
    if kind == "logon" and code == _NOBODY:
        return without_effect(
            Misconfigured(
                "the key does not arrive: the header Authorization is lost on the way",
                place=place,
                remedy="have the web server pass it on, or set storefront.key_in to query",
            )
        )
    if kind == "logon":
        return without_effect(
            Misconfigured(
                f"the storefront refuses the key: {text}",
                place=place,
                remedy="check storefront.consumer_key and CONNECTOR_STOREFRONT__CONSUMER_SECRET",
            )
        )
    if kind == "forbidden":
        return without_effect(
            Misconfigured(
                f"the key may not do this: {code} {text}",
                place=place,
                remedy="give the key read and write permission",
            )
        )
    if kind in ("misconfigured", "redirect"):
        # A query may hold the key.
        target = headers.get("Location", "").partition("?")[0]
        remedy = "storefront.url must be the shop's own address"
        if _ROUTES not in target and (target or status == 404):
            remedy += ", and permalinks must be on there (any but Plain): they make /wp-json"
        return Misconfigured(f"HTTP {status} {target}".rstrip(), place=place, remedy=remedy)
    if kind == "later":
        return RetryLater(systems.ASKS_FOR_LESS(), place=place, after=retry_after.seconds(headers))
    what = (
        systems.NOT_WOOCOMMERCE(status=status) if body is None else quoted(f"HTTP {status} {text}")
    )
    return InDoubt(what, place=place) if write else RetryLater(what, place=place)


def _said(body: Any, status: int) -> tuple[str, str]:
    if isinstance(body, Mapping):
        code = str(body.get("code") or "")
        told = _unnamed(str(body.get("message") or ""))
        return code if _CODE.fullmatch(code) else str(status), told
    return str(status), ""


def _unnamed(words: str) -> str:
    """Return what a shop says without what it may repeat of a buyer; its code tells the rest."""
    masked = mask_text(words[:_READ])
    return _MAY_BE_PERSONAL.sub(
        lambda found: f"{found['first'] or found['other'] or found['capital']}***", masked
    )[:_WORDS]
