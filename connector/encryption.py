"""Credentials and buyers' data go to another machine encrypted, or not at all."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from connector.errors import Misconfigured, without_effect


def check_encrypted(url: str, *, place: str) -> None:
    """Raise Misconfigured for an address on another machine that is none of https.

    On this machine http is free.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise without_effect(
            Misconfigured(
                f"{parts.hostname or 'it'} must be reached over https: credentials and buyers' data"
                " travel with each request",
                place=place,
                remedy="give its https address",
            )
        )


def is_loopback(host: str) -> bool:
    """Whether a host, or an address to listen on, is reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
