"""Traces: one for each order, from the storefront to the DMS's document; off unless asked for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from connector.logs import configure
from connector.telemetry import tracing
from tests.support.scene import scene
from tests.web.test_pages import personal


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    memory = InMemorySpanExporter()
    tracing.trace_with(SimpleSpanProcessor(memory))
    yield memory
    tracing.stop()


def attribute(span: ReadableSpan, name: str) -> object:
    return (span.attributes or {}).get(name)


def test_an_orders_way_is_one_trace_from_the_storefront_to_the_document(
    tmp_path: Path, exporter: InMemorySpanExporter
) -> None:
    configure("critical")
    # With a policy of its own the evening is lived anew, and so is traced.
    again = timedelta(minutes=15)
    with scene(f"sqlite:///{tmp_path / 'c.db'}", tmp_path, review_again=again) as day:
        orders = day.sandbox.books.all("storefront.order")
        document = day.context.orders.documents(day.order(36).id, "sales_order")[0].number
    spans = exporter.get_finished_spans()
    own = [span for span in spans if attribute(span, "order") == "36"]
    (first,) = [span for span in own if span.name == "order taken"]
    assert first.context is not None
    trace = [s for s in spans if s.context and s.context.trace_id == first.context.trace_id]
    steps = [span for span in own if span is not first]
    assert {"validate", "recognise", "place"} <= {span.name for span in steps}
    for span in steps:
        assert span.parent is not None
        assert span.parent.span_id == first.context.span_id
    (write,) = [span for span in trace if span.name == "outbound dms_sales_order"]
    assert attribute(write, "document") == document
    (wire,) = [span for span in trace if span.name == "dms CreateSalesOrder"]
    assert wire.parent is not None
    assert write.context is not None
    assert wire.parent.span_id == write.context.span_id
    # Another order is another trace.
    others = [s for s in spans if s.name == "order taken" and s is not first]
    assert first.context.trace_id not in {s.context.trace_id for s in others if s.context}
    text = " ".join(span.to_json() for span in spans)
    for secret in personal(orders):
        assert secret not in text, secret


def test_another_process_adds_to_the_same_trace(exporter: InMemorySpanExporter) -> None:
    for _ in range(2):  # each time as if nothing had been handed on
        with tracing.of_order("shop", "36", "place"):
            pass
    first, second = exporter.get_finished_spans()
    assert first.context is not None
    assert second.context is not None
    assert first.context.trace_id == second.context.trace_id
    with tracing.of_order("other", "36", "place"):
        pass
    third = exporter.get_finished_spans()[2]
    assert third.context is not None
    assert third.context.trace_id != first.context.trace_id


def test_off_it_loads_nothing_and_costs_nothing() -> None:
    script = (
        "import sys\n"
        "from connector.telemetry import tracing\n"
        "with tracing.of_order('s', '1', 'x'), tracing.span('y'):\n"
        "    tracing.tell(a='b')\n"
        "assert not any(name.startswith('opentelemetry') for name in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
