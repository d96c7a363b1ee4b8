"""How long the other side asks to be left alone: the header Retry-After, as servers write it."""

from __future__ import annotations

import email.utils
import math
from collections.abc import Mapping
from datetime import UTC, datetime

_USUAL, _LEAST, _MOST = 30.0, 1.0, 3600.0


def seconds(headers: Mapping[str, str]) -> float:
    """Return how long to wait: seconds, or until a time; the usual where neither can be read."""
    text = (headers.get("Retry-After") or "").strip()
    try:
        wait = float(text)
    except ValueError:
        wait = _until(text)
    return min(max(wait, _LEAST), _MOST) if math.isfinite(wait) else _USUAL


def _until(text: str) -> float:
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return _USUAL
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - datetime.now(UTC)).total_seconds()
