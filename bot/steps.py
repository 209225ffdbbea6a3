"""Takes a termination from where it stands to its outcome, one recorded step after the other."""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus

from bot.blocks import Cards
from bot.domain import Job, Outcome, Phase, Termination, Transition, ending, event
from bot.errors import (
    Ambiguous,
    Definite,
    KeyMissing,
    KeyUnusable,
    NoAnswer,
    NotExecuted,
    NotRunning,
    RateLimited,
    SlackRefused,
    SlackUnavailable,
    VibecodeError,
)
from bot.lookout import Lookout, OpenedKey
from bot.ports import Messenger, Store, Vault, Workflows
from bot.workflows import ApiKey

log = logging.getLogger(__name__)

MAX_RETRIES = 6
MAX_CRASHES = 5
TELLING_HOURS = 1
SHOW_AFTER_SECONDS = 1.0
"""A call that takes longer gets a message that says that it is under way."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How fast and how long: from the settings."""

    calls_per_second: float
    confirmation_ms: int


class Steps:
    """Runs one job as far as it goes now. Every step is committed before the next one is taken."""

    def __init__(
        self,
        store: Store,
        workflows: Workflows,
        messenger: Messenger,
        vault: Vault,
        cards: Cards,
        pace: Pace,
        *,
        wake_in: Callable[[float], None],
    ) -> None:
        self._store = store
        self._workflows = workflows
        self._messenger = messenger
        self._vault = vault
        self._cards = cards
        self._pace = pace
        self._wake_in = wake_in
        self._lookout = Lookout(workflows, self._wait_for_turn)

    async def run(self, job: Job) -> None:
        """Step on until the job is done, is to wait, or belongs to somebody else."""
        crashes = job.fence - job.attempts - 1
        step: Job | None = job
        if crashes:
            # Whoever had it may have posted its message without recording where.
            step = replace(job, termination=replace(job.termination, maybe_shown=True))
        if crashes > MAX_CRASHES:
            step = await self._give_up_crashing(job)
        while step is not None and step.phase is not Phase.DONE and _is_held(step):
            step = await self._step(step)

    async def _step(self, job: Job) -> Job | None:
        match job.phase:
            case Phase.AWAITING_CONFIRMATION:
                return await self._ask(job)
            case Phase.REQUESTED:
                return await self._request(job)
            case Phase.CALLING:
                return await self._take_over(job)
            case _:
                return await self._tell(job)

    # ── the question ────────────────────────────────────────────────────────────────────────────────

    async def _ask(self, job: Job) -> Job | None:
        now = await self._store.now()
        expires_at = job.termination.expires_at or job.termination.requested_at + self._pace.confirmation_ms
        termination = replace(job.termination, expires_at=expires_at)
        if now >= expires_at:
            return await self._advance(job, ending(termination, "expired", Outcome.EXPIRED, now))
        if termination.message is None:
            try:
                termination = await self._show(termination, job.phase)
            except SlackUnavailable as later:
                unsure = replace(job.termination, maybe_shown=later.retry_after is None)
                return await self._hand_back(job, unsure, _slack_pause(later, 1))
            except SlackRefused as refused:
                return await self._advance(
                    job, ending(termination, "outcome", Outcome.FAILED, now, code=refused.code.upper())
                )
        return await self._hand_back(job, termination, expires_at - now)

    # ── the call ────────────────────────────────────────────────────────────────────────────────────

    async def _take_over(self, job: Job) -> Job | None:
        """Whoever began this call is gone: nobody knows how it ended."""
        termination = replace(job.termination, unsure=True, must_look=True, recovered=True)
        taken = Transition(
            termination=termination, phase=Phase.REQUESTED, events=(event(termination, "recovered"),)
        )
        return await self._advance(job, taken)

    async def _request(self, job: Job) -> Job | None:
        try:
            key = await self._key(job.termination)
        except KeyUnusable as unusable:
            return await self._end(job, Outcome.FAILED, code=unusable.code)
        if job.termination.must_look:
            return await self._look_before_repeating(job, key)
        return await self._call(job, key)

    async def _look_before_repeating(self, job: Job, key: OpenedKey) -> Job | None:
        try:
            sighting = await self._lookout.find(key, job.termination.workflow_id, like=job.termination.seen)
        except (NotExecuted, Ambiguous) as trouble:
            return await self._retry(job, key, trouble)
        except Definite as refused:
            return await self._end(job, Outcome.UNKNOWN, code=refused.code, status=refused.status)
        if sighting.instance is None and sighting.certain:
            return await self._end(job, Outcome.ALREADY_GONE, verified=True)
        if sighting.instance is None:
            return await self._end(job, Outcome.UNKNOWN, code="NOT_FOUND_IN_TIME", verified=False)
        seen = replace(job.termination, must_look=False, seen=sighting.instance)
        return await self._advance(
            job, Transition(termination=seen, phase=Phase.REQUESTED, events=(event(seen, "still_listed"),))
        )

    async def _call(self, job: Job, key: OpenedKey) -> Job | None:
        calling = replace(job.termination, tries=job.termination.tries + 1, trouble=None, status=None)
        begun = await self._store.begin_call(
            job,
            Transition(
                termination=calling,
                phase=Phase.CALLING,
                events=(event(calling, "attempted", attempt=calling.tries),),
                attempts=job.fence,
            ),
            key_id=key.key_id,
            per_second=self._pace.calls_per_second,
        )
        if begun is None:
            return None
        if isinstance(begun, int):
            return await self._hand_back(job, job.termination, begun)
        call = asyncio.create_task(
            self._workflows.terminate(
                key.key, calling.workflow_id, force=calling.force, reason=calling.reason
            )
        )
        try:
            shown = await self._show_if_slow(begun, call)
            return await self._settle(shown, key, call) if shown else None
        finally:
            call.cancel()

    async def _show_if_slow(self, job: Job, call: asyncio.Task[None]) -> Job | None:
        done, _ = await asyncio.wait({call}, timeout=SHOW_AFTER_SECONDS)
        if done:
            return job
        termination = await self._show_quietly(job)
        return await self._advance(job, Transition(termination=termination, phase=job.phase))

    async def _settle(self, job: Job, key: OpenedKey, call: asyncio.Task[None]) -> Job | None:
        try:
            await call
        except NotRunning as gone:
            return await self._end(job, Outcome.ALREADY_GONE, code=gone.code, status=gone.status)
        except Definite as refused:
            return await self._end(job, Outcome.FAILED, code=refused.code, status=refused.status)
        except (NotExecuted, Ambiguous) as trouble:
            return await self._retry(job, key, trouble)
        return await self._verify(job, key)

    async def _verify(self, job: Job, key: OpenedKey) -> Job | None:
        """Bitrix24 accepted: tell what is true, not what was asked for."""
        try:
            sighting = await self._lookout.find(key, job.termination.workflow_id, like=job.termination.seen)
        except VibecodeError as unreadable:
            log.info("The list could not be read after a termination: %s", unreadable)
            return await self._end(job, Outcome.ACCEPTED, status=HTTPStatus.NO_CONTENT, verified=False)
        if sighting.instance is None:
            outcome = Outcome.GONE_VERIFIED if sighting.certain else Outcome.ACCEPTED
            return await self._end(job, outcome, status=HTTPStatus.NO_CONTENT, verified=sighting.certain)
        return await self._end(job, Outcome.ACCEPTED, status=HTTPStatus.NO_CONTENT, verified=True)

    # ── trouble ─────────────────────────────────────────────────────────────────────────────────────

    async def _retry(self, job: Job, key: OpenedKey, trouble: NotExecuted | Ambiguous) -> Job | None:
        ambiguous = isinstance(trouble, Ambiguous)
        termination = replace(
            job.termination,
            retries=job.termination.retries + 1,
            trouble=trouble.code,
            status=trouble.status,
            unsure=job.termination.unsure or ambiguous,
            must_look=job.termination.must_look
            or isinstance(trouble, NoAnswer)
            or (ambiguous and trouble.status == HTTPStatus.GATEWAY_TIMEOUT),
        )
        if termination.retries > MAX_RETRIES:
            outcome = Outcome.UNKNOWN if termination.unsure else Outcome.FAILED
            ended = replace(job, termination=termination)
            return await self._end(ended, outcome, code=trouble.code, status=trouble.status)
        wait_ms = _pause_ms(termination.retries, trouble.retry_after)
        if isinstance(trouble, RateLimited):
            await self._store.block(key.key_id, wait_ms)
        failed = event(termination, "try_failed", code=trouble.code, status=trouble.status, wait_ms=wait_ms)
        waiting = await self._advance(
            job, Transition(termination=termination, phase=Phase.REQUESTED, events=(failed,))
        )
        if waiting is None:
            return None
        return await self._hand_back(waiting, await self._show_quietly(waiting), wait_ms)

    async def _give_up_crashing(self, job: Job) -> Job | None:
        """Haltbot itself died of this one again and again: say so instead of trying for ever."""
        if job.phase is Phase.TELLING:
            return await self._close(job, "undelivered", code="REPEATED_CRASH")
        return await self._end(job, Outcome.UNKNOWN, code="REPEATED_CRASH")

    # ── the outcome ─────────────────────────────────────────────────────────────────────────────────

    async def _end(
        self,
        job: Job,
        outcome: Outcome,
        *,
        code: str | None = None,
        status: int | None = None,
        verified: bool | None = None,
    ) -> Job | None:
        termination = replace(job.termination, verified=verified)
        now = await self._store.now()
        return await self._advance(
            job, ending(termination, "outcome", outcome, now, code=code, status=status)
        )

    async def _tell(self, job: Job) -> Job | None:
        try:
            termination = await self._show(job.termination, job.phase)
        except SlackUnavailable as later:
            return await self._tell_later(job, later)
        except SlackRefused as refused:
            return await self._close(job, "undelivered", code=refused.code)
        told = Transition(termination=termination, phase=Phase.DONE)
        if termination.message and termination.message.way != "channel":
            told = replace(told, events=(event(termination, "told_elsewhere", way=termination.message.way),))
        return await self._advance(job, told)

    async def _tell_later(self, job: Job, later: SlackUnavailable) -> Job | None:
        now = await self._store.now()
        if now - (job.termination.ended_at or now) > TELLING_HOURS * 3_600_000:
            return await self._close(job, "undelivered", code=later.code)
        termination = replace(
            job.termination,
            telling_tries=job.termination.telling_tries + 1,
            maybe_shown=job.termination.maybe_shown or later.retry_after is None,
        )
        return await self._hand_back(job, termination, _slack_pause(later, termination.telling_tries))

    async def _close(self, job: Job, name: str, *, code: str) -> Job | None:
        closing = event(job.termination, name, code=code)
        return await self._advance(
            job, Transition(termination=job.termination, phase=Phase.DONE, events=(closing,))
        )

    # ── shared ──────────────────────────────────────────────────────────────────────────────────────

    async def _key(self, termination: Termination) -> OpenedKey:
        stored = await self._store.channel_key(termination.team, termination.channel)
        if stored is None:
            raise KeyMissing
        context = (stored.team, stored.channel)
        session = stored.sealed_session
        return OpenedKey(
            ApiKey(
                self._vault.open(stored.sealed_key, "key", *context),
                self._vault.open(session, "session", *context) if session else None,
            ),
            stored.key_id,
        )

    async def _show(self, termination: Termination, phase: Phase) -> Termination:
        """Bring the one message up to date. Raises SlackError."""
        response_url = termination.response_url
        shown_at = await self._messenger.show(
            self._cards.termination(termination, phase),
            channel=termination.channel,
            user=termination.user,
            at=termination.message,
            response_url=self._vault.open(response_url, termination.id) if response_url else None,
            reference=termination.id,
            maybe_posted=termination.maybe_shown,
        )
        return replace(termination, message=shown_at, maybe_shown=False)

    async def _show_quietly(self, job: Job) -> Termination:
        # What is under way is worth a message, but not worth waiting for Slack.
        try:
            return await self._show(job.termination, job.phase)
        except SlackRefused:
            return job.termination
        except SlackUnavailable as later:
            return replace(job.termination, maybe_shown=later.retry_after is None)

    async def _wait_for_turn(self, key_id: str) -> None:
        while wait_ms := await self._store.pace(key_id, self._pace.calls_per_second):  # noqa: ASYNC110 -- see Store.pace
            await asyncio.sleep(wait_ms / 1000)

    async def _hand_back(self, job: Job, termination: Termination, wait_ms: float) -> Job | None:
        """Let it rest for so long; whoever is free takes it up then."""
        resting = await self._advance(
            job, Transition(termination=termination, phase=job.phase, due_in_ms=int(wait_ms))
        )
        if resting is not None:
            self._wake_in(wait_ms / 1000)
        return None

    async def _advance(self, job: Job, to: Transition) -> Job | None:
        # What the fence grows by from here on without a recorded step is a crash.
        return await self._store.advance(job, replace(to, attempts=job.fence))


def _is_held(job: Job) -> bool:
    """A process that was frozen past its lease must not speak: somebody else has taken over."""
    return time.monotonic() < job.held_until


def _pause_ms(retries: int, asked_for: float | None) -> int:
    """Vibecode's own wish, or growing and jittered waits of 1, 2, 4 … 15 s."""
    jitter = random.uniform(0.75, 1.25)  # noqa: S311 -- spreads load, guards nothing
    seconds = asked_for if asked_for is not None else min(15.0, 2.0 ** (retries - 1)) * jitter
    return max(50, int(seconds * 1000))


def _slack_pause(later: SlackUnavailable, tries: int) -> int:
    return _pause_ms(min(tries, 5), later.retry_after)
