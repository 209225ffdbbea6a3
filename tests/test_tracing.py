"""Spans: one for each request and call, with the reference; and the bot runs just the same without them."""

import contextlib

import pytest
from workspace import Workspace

from bot.observability import tracing
from sandbox.vibecode import Step


class Tracer:
    """Takes down the spans, in OpenTelemetry's place."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, dict[str, str]]] = []

    @contextlib.contextmanager
    def start_as_current_span(self, name: str, *, attributes: dict[str, str]):
        self.spans.append((name, attributes))
        yield


@pytest.fixture(name="tracer")
def _tracer(monkeypatch: pytest.MonkeyPatch) -> Tracer:
    tracer = Tracer()
    monkeypatch.setattr(tracing, "_TRACER", tracer)
    return tracer


async def test_a_termination_leaves_its_spans(work: Workspace, tracer: Tracer):
    """The request has none yet; the calls name the termination that they are made for."""
    instance = work.vibecode.start_instance(steps=[Step(3600, locked=False)])
    await work.command(f"{instance} loops")
    await work.told("is gone (verified")
    (asked,) = [event for event in await work.audit() if event["event"] == "requested"]
    reference = {"haltbot.reference": asked["reference"]}

    assert ("slack.request", {}) in tracer.spans
    assert ("vibecode.call", reference) in tracer.spans
    assert ("slack.call", reference) in tracer.spans


def test_without_the_extra_nothing_is_traced(monkeypatch: pytest.MonkeyPatch):
    """The same code, and no span."""
    monkeypatch.setattr(tracing, "_TRACER", None)
    with tracing.span("anything") as nothing:
        assert nothing is None
