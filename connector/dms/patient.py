"""A DMS that is asked again for a while before an order has to wait for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_before_delay,
    wait_exponential,
    wait_random,
)

from connector.departure import claimed_again
from connector.dms.carried import NOTHING, Carried
from connector.dms.port import Dms
from connector.errors import RetryLater


class PatientDms:
    """Makes a call again, ever later and never in step with others, until `seconds` are over.

    Only what provably had no effect is made again, so that a write may be. Whoever is told how
    long to wait (throttling, a downtime, an open breaker) is not: that is longer than this.
    """

    def __init__(
        self,
        dms: Dms,
        seconds: float,
        first: float = 0.2,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._dms = dms
        # Threads share it: what it knows of a call it keeps by thread.
        self._retrying = Retrying(
            retry=retry_if_exception(_passes),
            wait=wait_exponential(multiplier=first, max=5) + wait_random(0, first),
            stop=stop_before_delay(seconds),
            sleep=sleep,
            before=_claimed,
            retry_error_callback=_last,
        )

    def call(
        self,
        operation: str,
        request: Mapping[str, Any],
        *,
        write: bool,
        carried: Carried = NOTHING,
    ) -> dict[str, Any]:
        """See `Dms`."""
        result: dict[str, Any] = self._retrying(
            self._dms.call, operation, request, write=write, carried=carried
        )
        return result

    def findings(self, operation: str, request: Mapping[str, Any]) -> list[str]:
        """See `Dms`."""
        return self._dms.findings(operation, request)

    def envelope(self, operation: str, request: Mapping[str, Any]) -> bytes:
        """See `Dms`."""
        return self._dms.envelope(operation, request)

    def ping(self) -> str:
        """See `Dms`."""
        return self._dms.ping()


def _claimed(state: RetryCallState) -> None:
    """Have a write claimed anew before it is sent once more: others may have taken it over."""
    if state.attempt_number > 1:
        claimed_again()


def _passes(error: BaseException) -> bool:
    return isinstance(error, RetryLater) and error.after is None


def _last(state: RetryCallState) -> Any:
    if state.outcome is None:
        raise AssertionError("nothing was tried")
    return state.outcome.result()
