"""The names of all metrics. Dashboards and alert rules may use these and no others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True)
class Metric:
    """One metric: its name as Prometheus shows it, its labels, and what it tells."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    tells: str

    @property
    def series(self) -> tuple[str, ...]:
        """The names of its series."""
        if self.kind == "histogram":
            # No sum: over margins, which may be negative, it would say nothing.
            return (f"{self.name}_bucket", f"{self.name}_count")
        return (self.name,)


def _gauge(name: str, labels: tuple[str, ...], tells: str) -> Metric:
    return Metric(f"connector_{name}", "gauge", labels, tells)


# Not "job", which Prometheus itself puts on every series.
_JOB = ("job_name", "scope")

# Looked up in the database when Prometheus asks: the same from every process of a site.
ORDERS = _gauge("orders", ("stage", "hold"), "orders that have not ended; hold is empty if none")
OLDEST = _gauge(
    "orders_oldest_age_seconds", ("stage", "hold"), "age of the oldest of them, since it was placed"
)
DEADLINES = _gauge(
    "orders_deadline",
    ("promise", "state"),
    "orders by the promise they owe; state is late, soon (within ten minutes) or later",
)
DUE = _gauge("backlog_orders", ("stage",), "orders that could be walked on now")
WINDOWS = _gauge("backlog_windows", _JOB, "windows of a job that are due and not done")
UNTOLD = _gauge(
    "backlog_write_backs", ("kind",), "shipments and invoices that the storefront does not know yet"
)
OPEN_CALLS = _gauge(
    "outbound_calls_open",
    ("system", "operation", "state"),
    "outbound calls that are pending, sent or in_doubt",
)
QUARANTINE = _gauge(
    "quarantine_open",
    ("source",),
    "things that could not be taken, stored or read and wait for a person",
)
JOB_SUCCESS = _gauge(
    "job_last_success_timestamp_seconds",
    _JOB,
    "when a run of the job last ended well",
)
JOB_DURATION = _gauge("job_last_duration_seconds", _JOB, "how long that run took")
JOB_FAILED = _gauge("job_failed_runs", _JOB, "runs that failed and are not made good")
DATABASE = _gauge("database_up", (), "1 when the database answered this question")

# Of the process that answers.
BUILD = _gauge("build_info", ("version",), "1")
LEADER = _gauge("leader", (), "1 when this process leads, 0 when it stands by")
TICK = _gauge("last_tick_timestamp_seconds", (), "when this process last ticked")
BREAKER = _gauge(
    "breaker_open",
    ("system", "endpoint"),
    "1 while calls to a system are kept back; endpoint is a port of the DMS that a mapping names",
)
DOWNTIME = _gauge("downtime", ("system",), "1 while a system is in its own downtime")
PAUSED = _gauge("paused", ("system",), "1 while a person keeps a system's or a shop's calls back")
REQUESTS = Metric(
    "connector_requests_total",
    "counter",
    ("system", "operation", "outcome"),
    "questions and writes to other systems; outcome is ok, rejected, retry, in_doubt,"
    " misconfigured, kept_back or failed",
)
REQUEST_TIME = Metric(
    "connector_request_duration_seconds",
    "histogram",
    ("system",),
    "how long they took, without those that were kept back",
)
CALLS = Metric(
    "connector_outbound_calls_total",
    "counter",
    ("system", "operation", "outcome"),
    "outbound calls that came to: sent, confirmed, rejected, in_doubt, or pending (again)",
)
MARGIN = Metric(
    "connector_deadline_margin_seconds",
    "histogram",
    ("promise",),
    "what was left of a deadline when its promise was kept; negative when it was late",
)

ALL: tuple[Metric, ...] = (
    ORDERS, OLDEST, DEADLINES, DUE, WINDOWS, UNTOLD, OPEN_CALLS, QUARANTINE, JOB_SUCCESS,
    JOB_DURATION, JOB_FAILED, DATABASE, BUILD, LEADER, TICK, BREAKER, DOWNTIME, PAUSED, REQUESTS,
    REQUEST_TIME, CALLS, MARGIN,
)  # fmt: skip
