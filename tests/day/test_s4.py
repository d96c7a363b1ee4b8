"""A business day with SAP S/4HANA over OData: it ends as with every other SAP."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from connector.demo import SandboxWorld, demo_day
from connector.logs import configure
from connector.sandbox.faults import Fault
from connector.sandbox.service import Sandbox
from connector.sandbox.web import Request, Response
from tests.day.expected import STANDS, holds_exactly_what_it_should, stands
from tests.support import s4
from tests.support.day_process import settings_for

pytestmark = [pytest.mark.day, pytest.mark.long]


@pytest.mark.parametrize(
    "fault", [None, "sap:lost-answer:writes=true,every=3"], ids=["a quiet day", "lost answers"]
)
def test_every_order_ends_where_its_data_calls_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str | None
) -> None:
    configure("error")
    monkeypatch.setenv("CONNECTOR_MAPPINGS", str(s4.folder(tmp_path)))
    monkeypatch.setenv("CONNECTOR_SAP__TRANSPORT", "odata")
    seen: Counter[str] = Counter()

    def witness(request: Request, response: Response) -> None:
        seen[f"{request.method} {request.path.rpartition('/')[2]} {response.status}"] += 1

    with Sandbox() as sandbox:
        sandbox.sap.s4.witness = witness
        if fault is not None:
            sandbox.faults.set([Fault.parse(fault)])
        settings = settings_for(sandbox.addresses(), f"sqlite:///{tmp_path / 'c.db'}", tmp_path)
        connector = demo_day(SandboxWorld(sandbox), settings)
        try:
            assert [(row.job, row.error) for row in connector.runs.history(failed=True)] == []
            assert stands(connector) == STANDS
        finally:
            connector.close()
        holds_exactly_what_it_should(sandbox)
    # Found, created and asked for stock through OData, and nothing refused.
    assert seen["POST A_BusinessPartner 201"] >= 7
    assert seen["GET A_BusinessPartnerTaxNumber 200"] > 7
    assert seen["GET DetermineAvailabilityAt 200"] > 7
    assert all(each.endswith((" 200", " 201", " 204")) for each in seen)
