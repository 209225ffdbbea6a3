"""Spans for OpenTelemetry, where its extra is installed; nothing at all where it is not."""

import contextlib
from contextlib import AbstractContextManager

from bot.observability import context

try:
    from opentelemetry import trace
except ImportError:
    _TRACER = None
else:
    # The API alone records nothing: whoever wants the spans brings an SDK and an exporter.
    _TRACER = trace.get_tracer("haltbot")


def span(name: str) -> AbstractContextManager[object]:
    """Open a span that names the termination it belongs to; it never holds an id of a person or a reason."""
    if _TRACER is None:
        return contextlib.nullcontext()
    reference = context.reference.get()
    return _TRACER.start_as_current_span(
        name, attributes={"haltbot.reference": reference} if reference else {}
    )
