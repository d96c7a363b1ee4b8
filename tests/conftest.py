"""What all tests share: a database of each kind, and hypothesis settings."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from connector.store.database import Database
from tests.support import databases, postgres
from tests.support.apart import apart

settings.register_profile(
    "connector",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("connector")

DRAWN_BY = "DRAWN_BY"
_skipped: set[str] = set()


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """What a test says of logging ends with it: the next one may read what is told."""
    yield
    structlog.reset_defaults()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Hold a unit test to needing neither socket nor database nor process; a long one is none."""
    if not item.get_closest_marker("unit") or item.get_closest_marker("long"):
        return (yield)
    with apart():
        return (yield)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A PostgreSQL server of this test process; without binaries the test is skipped loudly."""
    try:
        server = postgres.start()
    except postgres.Missing as missing:
        _skipped.add(str(missing))
        if os.environ.get("CI"):
            pytest.fail(f"{missing} (in CI that is a failure)")
        pytest.skip(str(missing))
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, once of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'connector.db'}"
        return
    server: postgres.Server = request.getfixturevalue("postgres_server")
    url = server.create()
    yield url
    server.drop(url)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty database with its tables, once of each kind."""
    databases.copy(databases.with_tables(databases.place(database_url)), database_url)
    opened = Database(database_url)
    yield opened
    opened.close()


def pytest_configure() -> None:
    """Choose what is drawn of the night's tables, once for all workers."""
    os.environ.setdefault(DRAWN_BY, str(random.randrange(10**6)))


def pytest_report_header() -> str:
    return f"of the night's tables a sample is drawn by {DRAWN_BY}={os.environ[DRAWN_BY]}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as long what is long on one of the databases only, and what is drawn of the nights'."""
    tables: dict[str, list[pytest.Item]] = {}
    for item in items:
        if "postgresql" in item.name and item.get_closest_marker("long_on_postgresql"):
            item.add_marker(pytest.mark.long)
        if item.get_closest_marker("night"):
            tables.setdefault(item.nodeid.partition("[")[0], []).append(item)
    chance = random.Random(os.environ[DRAWN_BY])
    for _, rows in sorted(tables.items()):
        marker = rows[0].get_closest_marker("night")
        most = int(marker.kwargs.get("sample", 0)) if marker else 0
        for item in chance.sample(rows, min(most, len(rows))):
            item.add_marker(pytest.mark.long)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly what was left out."""
    reasons = {
        str(report.longrepr[2])
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple) and "PostgreSQL" in report.longrepr[2]
    }
    for reason in reasons | _skipped:
        terminalreporter.write_line(f"NOT TESTED ON POSTGRESQL: {reason}", red=True, bold=True)
    for reason in sorted(_left_out(terminalreporter)):
        terminalreporter.write_line(reason, red=True, bold=True)


def _left_out(terminalreporter: pytest.TerminalReporter) -> set[str]:
    """Return what tests that miss a tool say of themselves: these begin with NOT."""
    texts = {
        str(report.longrepr[2]).removeprefix("Skipped: ")
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple)
    }
    return {text for text in texts if text.startswith("NOT ")}
