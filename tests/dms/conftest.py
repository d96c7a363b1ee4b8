"""Only errors are logged: envelopes would fill the report of a failing test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connector.logs import configure
from tests.dms.bench import Bench, on_bench


@pytest.fixture(autouse=True)
def _quiet() -> None:
    configure("error")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with on_bench(tmp_path_factory.mktemp("bench")) as bench:
        yield bench
