"""Waiting for what another process or thread brings about: for the thing itself, not a moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

# Only a failure takes so long: a machine may stall for many seconds at any time.
PATIENCE = 120.0


def until(true: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Return what it gives once it gives something true."""
    ends = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < ends, f"not so after {seconds} s"
        time.sleep(0.05)
    return found
