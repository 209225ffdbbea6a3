"""Terminations: each method is a dialogue with whichever database runs it."""

import json
import time
from dataclasses import replace
from functools import partial

from bot.domain.admission import Admission
from bot.domain.audit import event
from bot.domain.errors import Refused, StoreError
from bot.domain.job import Job, Transition
from bot.domain.press import Press
from bot.domain.termination import MessageRef, Phase, Termination, dedupe_key, repeats
from bot.domain.transitions import decide
from bot.ports.store import Backlog, Duplicate, Submitted
from bot.store import payload, statements
from bot.store.database import Repository
from bot.store.spacing import Spacing
from bot.store.steps import Recorded, Row, Steps

_INSERT_TRIES = 5


class Terminations(Repository):
    """Terminations as the engine holds them, and the pace of their calls."""

    async def submit(
        self,
        termination: Termination,
        phase: Phase,
        *,
        idempotency_key: str,
        run_here: bool,
        admission: Admission | None = None,
    ) -> Submitted | Duplicate:
        steps = partial(
            self._submit,
            termination,
            phase,
            idempotency_key=idempotency_key,
            run_here=run_here,
            admission=admission,
        )
        submitted = await self.database.write(steps, urgent=True, atomic=False)
        if isinstance(submitted, Refused):
            raise submitted
        return submitted

    async def claim(self, limit: int) -> list[Job]:
        return await self.database.write(partial(self._claim, limit), atomic=False)

    async def advance(self, job: Job, to: Transition) -> Job | None:
        return await self.database.write(partial(self._advance, job, to), atomic=False)

    async def begin_call(
        self, job: Job, to: Transition, *, key_id: str, per_second: float
    ) -> Job | int | None:
        return await self.database.write(partial(self._begin_call, job, to, key_id, Spacing.of(per_second)))

    async def decide(self, press: Press, *, seen_at: MessageRef, run_here: bool) -> Job:
        return await self.database.write(
            partial(self._decide, press, seen_at, run_here=run_here), urgent=True
        )

    async def pace(self, key_id: str, per_second: float) -> int:
        return await self.database.write(partial(self._take, key_id, Spacing.of(per_second)), atomic=False)

    async def block(self, key_id: str, for_ms: int) -> None:
        await self.database.execute(statements.BLOCK, {"key_id": key_id, "delay": _rounded_up(for_ms)})

    async def release(self) -> None:
        await self.database.execute(statements.RELEASE, {"owner": self.database.owner})

    async def find(self, reference: str) -> Job | None:
        rows = await self.database.read(statements.FIND, {"id": reference})
        return _job(rows[0]) if rows else None

    async def open_in(self, team: str, channel: str) -> list[Job]:
        rows = await self.database.read(statements.OPEN_IN, {"team": team, "channel": channel})
        return [_job(row) for row in rows]

    async def recent(self, team: str, *, within_ms: int, limit: int) -> list[Job]:
        wanted = {"team": team, "within": within_ms, "limit": limit}
        return [_job(row) for row in await self.database.read(statements.RECENT, wanted)]

    async def backlog(self) -> Backlog:
        rows = await self.database.read(statements.BACKLOG, {})
        late = max((int(row["late"]) for row in rows), default=0)
        return Backlog({row["phase"]: int(row["open"]) for row in rows}, late)

    def _submit(
        self,
        termination: Termination,
        phase: Phase,
        *,
        idempotency_key: str,
        run_here: bool,
        admission: Admission | None,
    ) -> Steps[Submitted | Duplicate | Refused]:
        # More than one try is only needed where others write at the same time: the one that was in the way
        # of the insert may have ended before it could be read.
        for _ in range(_INSERT_TRIES):
            held_until = self._lease_end()
            now, *known = yield (
                statements.KNOWN,
                {
                    "team": termination.request.team,
                    "channel": termination.request.channel,
                    "idem": idempotency_key,
                    "twin": dedupe_key(termination),
                },
            )
            if admission is not None:
                settings = json.loads(now["payload"]) if now["payload"] else None
                if refused := admission.refusal(termination.request, settings):
                    return refused
            asked = replace(termination, request=replace(termination.request, requested_at=now["now"]))
            for row in known:
                earlier = payload.decode(row["payload"])
                if row["rank"] < _ENDED or repeats(earlier, asked):
                    return Duplicate(earlier, Phase(row["phase"]), same_request=row["rank"] == _DELIVERED)
            inserted = yield Recorded(
                statements.SUBMIT,
                {
                    "id": asked.id,
                    "idem": idempotency_key,
                    "twin": dedupe_key(asked),
                    "phase": phase.value,
                    "payload": payload.encode(asked),
                    "team": asked.request.team,
                    "channel": asked.request.channel,
                    "workflow_id": asked.request.workflow_id,
                    "delay": _rounded_up(self.database.lease_ms) if run_here else 0,
                    "owner": self.database.owner if run_here else None,
                    "fence": 1 if run_here else 0,
                },
                [event(asked, "requested")],
            )
            if inserted:
                job = Job(
                    termination=asked,
                    phase=phase,
                    fence=1,
                    attempts=0,
                    owner=self.database.owner,
                    held_until=held_until,
                )
                return Submitted(asked, job if run_here else None)
        raise StoreError(f"termination {termination.id} could not be recorded: its reference is taken")

    def _claim(self, limit: int) -> Steps[list[Job]]:
        held_until = self._lease_end()
        rows = yield (
            statements.CLAIM,
            {"delay": _rounded_up(self.database.lease_ms), "owner": self.database.owner, "limit": limit},
        )
        return [
            replace(_job(row, held_until), taken_over=row["prev_owner"] is not None)
            for row in sorted(rows, key=lambda row: int(row["prev_due_at"]))
        ]

    def _advance(self, job: Job, to: Transition) -> Steps[Job | None]:
        return self._apply(
            to, fence=job.fence, fence_step=0, keep=to.due_in_ms is None, delay=to.due_in_ms or 0
        )

    def _begin_call(self, job: Job, to: Transition, key_id: str, spacing: Spacing) -> Steps[Job | int | None]:
        # The fence comes first, so that a late owner takes nobody's place.
        held = yield statements.HELD, {"id": job.termination.id, "fence": job.fence}
        if not held:
            return None
        wait = yield from self._take(key_id, spacing)
        return wait or (yield from self._advance(job, to))

    def _decide(self, press: Press, seen_at: MessageRef, *, run_here: bool) -> Steps[Job]:
        rows = yield statements.PRESSED, {"id": press.reference}
        if not rows:
            raise Refused("question_gone")
        row = rows[0]
        termination = payload.decode(row["payload"])
        if termination.posting.message is None:
            termination = replace(termination, posting=replace(termination.posting, message=seen_at))
        to = decide(termination, Phase(row["phase"]), press, row["now"])
        # The higher fence silences whoever is still showing the question, or about to let it expire.
        decided = yield from self._apply(to, fence=row["fence"], fence_step=1, keep=run_here, delay=0)
        if decided is None:
            raise StoreError(f"termination {press.reference} changed while it was being decided")
        return decided

    def _apply(
        self, to: Transition, *, fence: int, fence_step: int, keep: bool, delay: int
    ) -> Steps[Job | None]:
        ends = to.phase is Phase.DONE
        keep = keep and not ends
        owner = self.database.owner if keep else None
        held_until = self._lease_end() if keep else 0.0
        rows = yield Recorded(
            statements.ADVANCE,
            {
                "id": to.termination.id,
                "fence": fence,
                "fence_step": fence_step,
                "state": "done" if ends else "open",
                "phase": to.phase.value,
                "payload": payload.encode(to.termination),
                "twin": dedupe_key(to.termination),
                "delay": _rounded_up(self.database.lease_ms if keep else delay),
                "owner": owner,
                "attempts": to.attempts,
            },
            to.events,
        )
        if not rows:
            return None
        (row,) = rows
        return Job(
            termination=to.termination,
            phase=to.phase,
            fence=row["fence"],
            attempts=row["attempts"],
            owner=owner,
            held_until=held_until,
        )

    def _take(self, key_id: str, spacing: Spacing) -> Steps[int]:
        limits = {"key_id": key_id, "tolerance": spacing.tolerance_ms}
        taken = yield statements.TAKE, {**limits, "interval": spacing.interval_ms}
        if taken:
            return 0
        rows = yield statements.WAIT, limits
        return max(1, int(rows[0]["wait"]))

    def _lease_end(self) -> float:
        """Tell when a lease ends that is about to be taken: a little before it does in the database."""
        return time.monotonic() + self.database.lease_ms / 1000


_DELIVERED, _ENDED = 1, 3
"""The ranks that KNOWN gives to the same request, and to the twin that ended."""


def _rounded_up(duration_ms: int) -> int:
    """Make up for the clock's rounding down; nothing is added where there is no wait at all."""
    return duration_ms + 1 if duration_ms > 0 else 0


def _job(row: Row, held_until: float = 0.0) -> Job:
    return Job(
        termination=payload.decode(row["payload"]),
        phase=Phase(row["phase"]),
        fence=row["fence"],
        attempts=row["attempts"],
        owner=row["owner"],
        held_until=held_until,
    )
