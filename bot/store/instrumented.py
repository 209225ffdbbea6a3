"""Counts and logs what the store has recorded, after its commit: one place, and nothing that did not happen."""

import logging
from typing import Any, TypeVar, cast

from bot.domain.admission import Admission
from bot.domain.audit import Event
from bot.domain.job import Job, Transition
from bot.domain.practice import is_practice
from bot.domain.press import Choice, Press
from bot.domain.termination import MessageRef, Outcome, Phase, Termination
from bot.observability import metrics
from bot.ports.store import Duplicate, Store, Submitted

log = logging.getLogger(__name__)

_ENDS = {Choice.FORCE: "confirmed", Choice.SOFT: "softened", Choice.KEEP: "kept"}


S = TypeVar("S", bound=Store)


def counted(store: S) -> S:
    """Return the store that counts and logs what it is given; practice counts nothing."""
    return cast(S, _Counted(store))


class _Counted:
    """Passes everything on; the few methods that tell something new are counted and logged."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def submit(
        self,
        termination: Termination,
        phase: Phase,
        *,
        idempotency_key: str,
        run_here: bool,
        admission: Admission | None = None,
    ) -> Submitted | Duplicate:
        submitted = await self._store.submit(
            termination, phase, idempotency_key=idempotency_key, run_here=run_here, admission=admission
        )
        if not is_practice(termination.request.workflow_id):
            kind = "force" if termination.request.force else "soft"
            metrics.REQUESTS.labels("duplicate" if isinstance(submitted, Duplicate) else kind).inc()
        return submitted

    async def decide(self, press: Press, *, seen_at: MessageRef, run_here: bool) -> Job:
        job = await self._store.decide(press, seen_at=seen_at, run_here=run_here)
        _log(job.termination, f"answered {press.choice}")
        if press.choice in _ENDS and not is_practice(job.termination.request.workflow_id):
            metrics.CONFIRMATIONS.labels(_ENDS[press.choice]).inc()
            if job.phase is Phase.TELLING:
                _count_outcome(job.termination)
        return job

    async def advance(self, job: Job, to: Transition) -> Job | None:
        advanced = await self._store.advance(job, to)
        if advanced is not None:
            _noted(to)
        return advanced

    async def begin_call(
        self, job: Job, to: Transition, *, key_id: str, per_second: float
    ) -> Job | int | None:
        begun = await self._store.begin_call(job, to, key_id=key_id, per_second=per_second)
        if isinstance(begun, Job):
            _noted(to)
        return begun

    async def record(self, event: Event) -> None:
        await self._store.record(event)
        log.info("Recorded: %s", event.outcome or event.event, extra={"reference": event.reference})
        _count(event, None)


def _noted(to: Transition) -> None:
    for event in to.events:
        _log(to.termination, event.event, event.outcome)
        _count(event, to.termination)


def _log(termination: Termination, what: str, outcome: str | None = None) -> None:
    """Say what happened, never why: a reason is personal, and the audit has it."""
    log.info(
        "Workflow %s: %s",
        termination.request.workflow_id,
        f"{what}, {outcome}" if outcome else what,
        extra={"reference": termination.id},
    )


def _count(event: Event, termination: Termination | None) -> None:
    if is_practice(event.workflow_id):
        return
    match event.event:
        case "refused":
            metrics.REFUSALS.labels((event.outcome or "").removeprefix("refused:")).inc()
        case "try_failed":
            metrics.RETRIES.labels(metrics.code_label(str(event.detail.get("code")))).inc()
        case "recovered":
            metrics.TAKEOVERS.inc()
        case "undelivered":
            metrics.UNDELIVERED.inc()
        case "outcome" | "expired" | "offer_ended" | "cancelled" if termination is not None:
            if termination.result.outcome is Outcome.EXPIRED:
                metrics.CONFIRMATIONS.labels("expired").inc()
            _count_outcome(termination)


def _count_outcome(termination: Termination) -> None:
    if termination.result.outcome is None:
        return
    code = metrics.code_label(termination.result.code)
    metrics.TERMINATIONS.labels(termination.result.outcome.value, code).inc()
    took_ms = (
        termination.result.ended_at or termination.request.requested_at
    ) - termination.request.requested_at
    metrics.TERMINATION_SECONDS.labels(termination.result.outcome.value).observe(max(0, took_ms) / 1000)
