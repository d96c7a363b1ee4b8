"""/metrics for Prometheus: counters of this process, and how the work stands in the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import structlog
from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from connector import __version__
from connector.bootstrap import Connector
from connector.domain.deadlines import promised_at
from connector.domain.quarantine import Source
from connector.telemetry import counters, vocabulary
from connector.web.answers import Answer
from connector.web.heart import Heart

_log = structlog.get_logger(__name__)

SOON = timedelta(minutes=10)
_FORMAT = "text/plain; version=0.0.4; charset=utf-8"

Samples = Iterable[tuple[tuple[str, ...], float]]


def metrics(connector: Connector, heart: Heart) -> Answer:
    """Answer one scrape."""
    looked_up = CollectorRegistry(auto_describe=False)
    looked_up.register(_LookedUp(connector, heart))
    return Answer(200, generate_latest(counters.REGISTRY) + generate_latest(looked_up), _FORMAT)


class _LookedUp(Collector):
    def __init__(self, connector: Connector, heart: Heart) -> None:
        self._connector = connector
        self._heart = heart

    def collect(self) -> Iterator[Metric]:
        yield from self._process()
        try:
            found = list(self._database())
        except Exception as error:
            # Prometheus must learn that the database is away, and still get the counters.
            _log.warning("metrics: the database does not answer", error=type(error).__name__)
            yield _gauge(vocabulary.DATABASE, [((), 0)])
            return
        yield from found
        yield _gauge(vocabulary.DATABASE, [((), 1)])

    def _process(self) -> Iterator[Metric]:
        states = [gate.state() for gate in self._connector.gates]
        yield _gauge(vocabulary.BUILD, [((__version__,), 1)])
        yield _gauge(vocabulary.LEADER, [((), bool(self._heart.leading))])
        yield _gauge(vocabulary.TICK, [((), _stamp(self._heart.ticked))])
        yield _gauge(
            vocabulary.BREAKER,
            [
                ((each.system.lower(), each.endpoint), each.is_open)
                for gate in self._connector.gates
                for each in gate.states()
            ],
        )
        yield _gauge(
            vocabulary.DOWNTIME,
            [((each.system.lower(),), each.downtime_until is not None) for each in states],
        )

    def _database(self) -> Iterator[Metric]:
        now = self._connector.context.clock()
        standing = self._connector.standing
        groups = standing.groups()
        yield _gauge(
            vocabulary.ORDERS, [((each.stage, each.hold or ""), each.orders) for each in groups]
        )
        yield _gauge(
            vocabulary.OLDEST,
            [
                ((each.stage, each.hold or ""), (now - each.oldest).total_seconds())
                for each in groups
            ],
        )
        yield _gauge(vocabulary.DEADLINES, self._deadlines(now))
        yield _gauge(
            vocabulary.DUE, [((stage,), orders) for stage, orders in standing.due(now).items()]
        )
        untold = {"shipment": 0, "invoice": 0} | standing.untold()
        yield _gauge(vocabulary.UNTOLD, [((kind,), number) for kind, number in untold.items()])
        yield _gauge(
            vocabulary.PAUSED, [((each.system,), 1) for each in self._connector.pauses.listed()]
        )
        yield _gauge(vocabulary.OPEN_CALLS, standing.open_calls().items())
        waiting = dict.fromkeys(Source, 0) | {
            each.source: each.entries for each in self._connector.context.quarantine.open()
        }
        yield _gauge(
            vocabulary.QUARANTINE, [((str(name),), each) for name, each in waiting.items()]
        )
        yield from self._jobs(now)

    def _deadlines(self, now: datetime) -> Samples:
        found: dict[tuple[str, ...], float] = {}
        for each in self._connector.standing.deadlines(now, now + SOON):
            promise = promised_at(each.stage)
            for state, orders in (("late", each.late), ("soon", each.soon), ("later", each.later)):
                key = (promise or "", state)
                found[key] = found.get(key, 0) + orders
        return found.items()

    def _jobs(self, now: datetime) -> Iterator[Metric]:
        windows, success, duration, failed = [], [], [], []
        standing = self._connector.standing
        for job in self._connector.jobs:
            for scope in job.scopes:
                key = (job.name, scope)
                after = self._connector.runner.reached(job.name, scope)
                unfinished = standing.unfinished_runs(job.name, scope)
                windows.append((key, len(job.due(scope, after, now)) + sum(unfinished.values())))
                failed.append((key, unfinished.get("failed", 0)))
                last = standing.last_run(job.name, scope, done=True)
                if last is not None and last.finished_at is not None:
                    success.append((key, _stamp(last.finished_at)))
                    took = last.finished_at - last.started_at
                    duration.append((key, took.total_seconds()))
        yield _gauge(vocabulary.WINDOWS, windows)
        yield _gauge(vocabulary.JOB_SUCCESS, success)
        yield _gauge(vocabulary.JOB_DURATION, duration)
        yield _gauge(vocabulary.JOB_FAILED, failed)


def _gauge(metric: vocabulary.Metric, samples: Samples) -> Metric:
    family = GaugeMetricFamily(metric.name, metric.tells, labels=metric.labels)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


def _stamp(moment: datetime | None) -> float:
    return moment.timestamp() if moment else 0.0
