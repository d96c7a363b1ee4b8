"""Optional traces (OpenTelemetry): one for each order, from the storefront to the DMS's document.

Off until `export_to` was called. An order's trace has an identifier made from shop and number, so
that every process, run and retry adds to the same one without anything being handed on. Nothing
personal is put into a span: numbers of orders and documents, stages, operations, outcomes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from connector.errors import Misconfigured

_tracer: Any = None
# The identifiers of the one span that begins an order's trace; every other span gets random ones.
_first: ContextVar[tuple[int, int] | None] = ContextVar("first", default=None)


def export_to(endpoint: str) -> Any:
    """Send spans to an OTLP address over HTTP, and return what is to be shut down at the end.

    Raises Misconfigured without the extra `otel`.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise Misconfigured(
            "traces need the extra `otel`",
            place="traces_endpoint",
            remedy="pip install 'connector[otel]', or leave traces_endpoint empty",
        ) from None
    return trace_with(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))


def trace_with(processor: Any) -> Any:
    """Trace from now on, through an OpenTelemetry span processor."""
    global _tracer
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class Identifiers(RandomIdGenerator):
        """Gives an order's first span the identifiers that all others refer to."""

        def generate_trace_id(self) -> int:
            first = _first.get()
            return first[0] if first else super().generate_trace_id()

        def generate_span_id(self) -> int:
            first = _first.get()
            return first[1] if first else super().generate_span_id()

    provider = TracerProvider(
        resource=Resource.create({"service.name": "connector"}), id_generator=Identifiers()
    )
    provider.add_span_processor(processor)
    _tracer = provider.get_tracer("connector")
    return provider


def stop() -> None:
    """Trace no more."""
    global _tracer
    _tracer = None


def begin(shop: str, number: str, placed_at: datetime) -> None:
    """Begin an order's trace, when it is taken for the first time."""
    if _tracer is None:
        return
    token = _first.set(_identifiers(shop, number))
    try:
        began = _tracer.start_span(
            "order taken",
            attributes={"order": number, "shop": shop, "placed_at": placed_at.isoformat()},
        )
        began.end()
    finally:
        _first.reset(token)


@contextmanager
def of_order(shop: str, number: str, name: str, **attributes: str) -> Iterator[None]:
    """Make a span of an order's trace, whatever trace is current."""
    if _tracer is None:
        yield
        return
    from opentelemetry import trace

    trace_id, span_id = _identifiers(shop, number)
    parent = trace.SpanContext(
        trace_id, span_id, is_remote=True, trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED)
    )
    context = trace.set_span_in_context(trace.NonRecordingSpan(parent))
    with _tracer.start_as_current_span(
        name, context=context, attributes={"order": number, **attributes}, record_exception=False
    ):
        yield


def span(name: str, **attributes: str) -> Any:
    """Make a span below the current one."""
    if _tracer is None:
        return nullcontext()
    # What an exception says may be personal; its type is told by the outcome.
    return _tracer.start_as_current_span(
        name, attributes=attributes, record_exception=False, set_status_on_exception=False
    )


def tell(**attributes: str) -> None:
    """Add to the current span."""
    if _tracer is None:
        return
    from opentelemetry import trace

    trace.get_current_span().set_attributes(attributes)


def _identifiers(shop: str, number: str) -> tuple[int, int]:
    digest = hashlib.sha256(f"{shop}/{number}".encode()).digest()
    return int.from_bytes(digest[:16]), int.from_bytes(digest[16:24])
