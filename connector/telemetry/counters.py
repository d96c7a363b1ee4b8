"""Counters of this process, and how a call to another system is watched."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from connector.errors import ConnectorError, InDoubt, Misconfigured, Rejected, RetryLater
from connector.telemetry import vocabulary
from connector.telemetry.tracing import span

REGISTRY = CollectorRegistry()
# When a counter began is no metric of ours.
disable_created_metrics()

_MARGINS = (-86400, -14400, -3600, -1800, -900, -300, 0, 300, 600, 900, 1800, 3600, 14400, 86400)
_TIMES = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 90)


def _counter(metric: vocabulary.Metric) -> Counter:
    return Counter(
        metric.name.removesuffix("_total"), metric.tells, metric.labels, registry=REGISTRY
    )


_requests = _counter(vocabulary.REQUESTS)
_calls = _counter(vocabulary.CALLS)
_request_time = Histogram(
    vocabulary.REQUEST_TIME.name,
    vocabulary.REQUEST_TIME.tells,
    vocabulary.REQUEST_TIME.labels,
    buckets=_TIMES,
    registry=REGISTRY,
)
_margin = Histogram(
    vocabulary.MARGIN.name,
    vocabulary.MARGIN.tells,
    vocabulary.MARGIN.labels,
    buckets=_MARGINS,
    registry=REGISTRY,
)


def call_came_to(system: str, operation: str, state: str) -> None:
    """Count that an outbound call came to this state."""
    _calls.labels(system, operation, state).inc()


def kept_promise(promise: str, margin: timedelta) -> None:
    """Note what was left of a deadline when its promise was kept."""
    _margin.labels(promise).observe(margin.total_seconds())


def kept_back(system: str, operation: str) -> None:
    """Count a request that was not made: a downtime, or a breaker that is open."""
    _requests.labels(system.lower(), operation, "kept_back").inc()


@contextmanager
def watched(system: str, operation: str) -> Iterator[None]:
    """Count, time and trace one request to another system, made within."""
    system = system.lower()
    began, outcome = time.perf_counter(), "ok"
    try:
        with span(f"{system} {operation}", system=system, operation=operation):
            yield
    except BaseException as error:
        outcome = _outcome(error)
        raise
    finally:
        _requests.labels(system, operation, outcome).inc()
        _request_time.labels(system).observe(time.perf_counter() - began)


def _outcome(error: BaseException) -> str:
    for kind, name in (
        (RetryLater, "retry"),
        (Rejected, "rejected"),
        (InDoubt, "in_doubt"),
        (Misconfigured, "misconfigured"),
        (ConnectorError, "rejected"),
    ):
        if isinstance(error, kind):
            return name
    return "failed"
