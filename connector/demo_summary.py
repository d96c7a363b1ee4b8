"""What the demo says at its end: where every order stands and why, waves, documents, files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

from connector.bootstrap import Connector
from connector.domain.lifecycle import OWNER, HoldCause
from connector.sandbox.service import Sandbox


def summary(connector: Connector, sandbox: Sandbox, took: timedelta) -> Iterator[str]:
    """Give the lines of the summary."""
    zone = ZoneInfo(connector.settings.calendar.zone)
    orders = connector.context.orders.listed(limit=100_000)
    counts = Counter((row.stage, row.hold_cause or "") for row in orders)
    yield f"{len(orders)} orders after one business day, in {took.total_seconds():.1f} s"
    yield ""
    yield "stage        hold              orders"
    for (stage, hold), number in sorted(counts.items()):
        yield f"{stage:12} {hold:17} {number:6}"
    held = [row for row in orders if row.hold_cause]
    if held:
        yield ""
        yield "held, for whom and why"
    for row in held:
        owner = OWNER[HoldCause(row.hold_cause or "")].value
        yield f"  {row.number}: {row.hold_cause} ({owner})"
        for reason in row.hold_reasons or []:
            yield f"      {reason}"
    yield ""
    yield "waves"
    for wave in connector.waves.listed():
        released = connector.waves.released(wave)
        left = connector.waves.left_out(wave)
        yield (
            f"  {wave.business_unit} {wave.cutoff_at.astimezone(zone):%Y-%m-%d %H:%M}:"
            f" {len(released)} released, {len(left)} left out"
        )
    yield ""
    yield "documents in the other systems"
    for system, kinds in (
        ("dms", ("sales_order", "delivery_note", "invoice_application", "shipment", "invoice")),
        ("sap", ("customer", "delivery", "billing")),
        ("storefront", ("order", "note")),
    ):
        books = sandbox.books.dump(system)
        told = ", ".join(f"{len(books.get(kind, []))} {kind.replace('_', ' ')}" for kind in kinds)
        yield f"  {system:11} {told}"
    yield ""
    yield "files"
    for file in connector.files.listed():
        yield f"  {file.path}  {file.rows} rows  sha256 {file.sha256[:16]}"
    failed = connector.runs.history(failed=True)
    if failed:
        yield ""
        yield f"{len(failed)} runs failed and are tried again: connector job history --failed"
