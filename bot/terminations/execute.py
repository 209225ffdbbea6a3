"""Makes the call, once, and finds out what became of it."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import asdict, replace
from http import HTTPStatus
from typing import Any

from bot.channels.keys import Keys
from bot.domain.api_key import OpenedKey
from bot.domain.audit import Event, event
from bot.domain.errors import (
    Ambiguous,
    Definite,
    KeyUnusable,
    NoAnswer,
    NotExecuted,
    NotRunning,
    NotSent,
    RateLimited,
    SessionMissing,
    VibecodeError,
)
from bot.domain.instance import Instance, Sighting
from bot.domain.job import Job, Transition
from bot.domain.termination import Changes, Outcome, Phase, Result
from bot.domain.transitions import ask_anew, differences, seen_again
from bot.instances.finder import Lookout
from bot.ports.core import Workflows
from bot.terminations.notifier import SHOW_AFTER_SECONDS, Pace, Progress, is_held, pause_ms

log = logging.getLogger(__name__)

MAX_RETRIES = 6
CHECK_PAGES = 4
"""How many pages are read for one call; a longer list is left to the watch."""
LOOK_SECONDS = 10.0
"""How long a person waits for a look at the list before it counts as unreadable."""
LONGEST_TURN_MS = 5000
"""So long what was looked up waits for its turn to be called; later it is looked up again."""


class Calling:
    """From a request to what Bitrix24 made of it. A call whose end nobody saw is looked into, not repeated."""

    def __init__(
        self, progress: Progress, keys: Keys, workflows: Workflows, lookout: Lookout, pace: Pace
    ) -> None:
        self._progress = progress
        self._keys = keys
        self._workflows = workflows
        self._lookout = lookout
        self._pace = pace

    async def take_over(self, job: Job) -> Job | None:
        """Whoever began this call is gone: nobody knows how it ended, unless that was recorded."""
        if job.termination.calls.accepted_at is not None:
            recovered = replace(
                job,
                termination=replace(job.termination, calls=replace(job.termination.calls, recovered=True)),
            )
            return await self._watch(recovered, None, event(recovered.termination, "recovered"))
        termination = replace(
            job.termination, calls=replace(job.termination.calls, unsure=True, must_look=True, recovered=True)
        )
        return await self._progress.advance(
            job, termination, Phase.REQUESTED, event(termination, "recovered")
        )

    async def request(self, job: Job) -> Job | None:
        """Call, after a look where one is owed: after an ambiguous end, and before a force."""
        try:
            request = job.termination.request
            key = await self._keys.open_for(request.workflow_id, request.team, request.channel, request.user)
        except KeyUnusable as unusable:
            signed_in = isinstance(unusable, SessionMissing)
            job = replace(
                job,
                termination=replace(
                    job.termination, calls=replace(job.termination.calls, signed_in=signed_in)
                ),
            )
            return await self._progress.end(job, _failed(job), code=unusable.code)
        if job.termination.calls.must_look:
            return await self._look_before_repeating(job, key)
        if job.termination.request.force:
            return await self._check_what_was_seen(job, key)
        return await self._call(job, key, ())

    async def _look_before_repeating(self, job: Job, key: OpenedKey) -> Job | None:
        looking = self._look(job, key, for_changes=job.termination.request.force)
        job, look = await self._progress.patiently(job, looking)
        try:
            sighting = look.result()
        except (NotExecuted, Ambiguous) as trouble:
            return await self._retry(job, key, trouble)
        except Definite as refused:
            return await self._progress.end(job, Outcome.UNKNOWN, code=refused.code, status=refused.status)
        if sighting.instance is None and sighting.certain:
            return await self._progress.end(job, Outcome.ALREADY_GONE, verified=True)
        if sighting.instance is None:
            return await self._progress.end(job, Outcome.UNKNOWN, code="LIST_TOO_LONG", verified=False)
        if job.termination.request.force and (changes := _changes(job, sighting)):
            return await self._ask_about(job, sighting.instance, changes)
        if job.termination.calls.recovered and job.termination.calls.most_of_a_kind > MAX_RETRIES:
            # It was taken over after as many calls as are tried at most: what follows the call fails each time.
            return await self._progress.end(job, Outcome.UNKNOWN, code="REPEATED_CRASH")
        seen = replace(job.termination, calls=replace(job.termination.calls, must_look=False))
        return await self._progress.advance(job, seen, Phase.REQUESTED, event(seen, "still_listed"))

    async def _check_what_was_seen(self, job: Job, key: OpenedKey) -> Job | None:
        """Force only what the person saw: read it again, and keep its record before it is destroyed."""
        job, look = await self._progress.patiently(job, self._look(job, key, for_changes=True))
        try:
            sighting = look.result()
        except VibecodeError as trouble:
            # The person was told that the list could not be read, or saw it a moment ago, and confirmed.
            return await self._call(job, key, (event(job.termination, "snapshot", code=trouble.code),))
        found, seen = sighting.instance, job.termination.question.seen
        if found is None and sighting.certain:
            outcome = Outcome.GONE_VERIFIED if _has_stopped_it(job) else Outcome.ALREADY_GONE
            return await self._progress.end(job, outcome, verified=True)
        if found is not None and (changes := _changes(job, sighting)):
            return await self._ask_about(job, found, changes)
        record = asdict(found) if found is not None else None
        known = replace(
            job,
            termination=replace(
                job.termination, question=replace(job.termination.question, seen=found or seen)
            ),
        )
        return await self._call(known, key, (event(job.termination, "snapshot", instance=record),))

    async def _ask_about(self, job: Job, found: Instance, changes: Changes) -> Job | None:
        """It is not what the person saw: ask again, and show what has changed."""
        now = await self._progress.store.now()
        asking = ask_anew(job.termination, now, seen=found, changes=changes)
        before = asdict(job.termination.question.seen) if job.termination.question.seen else None
        changed = event(asking, "changed", before=before, now=asdict(found))
        return await self._progress.advance(job, asking, Phase.AWAITING_CONFIRMATION, changed)

    async def _call(self, job: Job, key: OpenedKey, events: tuple[Event, ...]) -> Job | None:
        gently = self._begins_softly(job)
        force = job.termination.request.force and not gently
        sent = (*job.termination.calls.sent, "force" if force else "soft")
        signed_in = key.key.session is not None
        attempt = {"sent": sent, "signed_in": signed_in, "trouble": None, "status": None, "accepted_at": None}
        attempted = event(job.termination, "attempted", attempt=len(sent), soft_first=gently)
        begun = await self._begin(job, key, attempt, (*events, attempted), looked=bool(events))
        if begun is None or not is_held(begun):
            # Frozen right after it was recorded: whoever took over has looked, and called or not.
            return None
        asked = begun.termination
        sending = self._workflows.terminate(
            key.key, asked.request.workflow_id, force=force, reason=asked.request.reason
        )
        held, call = await self._progress.patiently(begun, sending)
        return await self._settle(held, key, call)

    async def _begin(
        self, job: Job, key: OpenedKey, attempt: Mapping[str, Any], events: tuple[Event, ...], *, looked: bool
    ) -> Job | None:
        """Record ``attempt``, that it is called from now on, once it is the key's turn; None: not now.

        What was looked up is not looked up again for want of a short turn, since each look takes a turn as well:
        many forces would read the list for ever and never be called.
        """
        waited_ms = 0
        while True:
            # Its message may have become another one while it waited.
            calling = replace(job.termination, calls=replace(job.termination.calls, **attempt))
            step = Transition(termination=calling, phase=Phase.CALLING, events=events, attempts=job.fence)
            begun = await self._progress.store.begin_call(
                job, step, key_id=key.key_id, per_second=self._pace.calls_per_second
            )
            if not isinstance(begun, int):
                return begun
            if not looked or waited_ms + begun > LONGEST_TURN_MS:
                return await self._wait_for_turn(job, begun)
            waited_ms += begun
            job, _ = await self._progress.patiently(job, asyncio.sleep(begun / 1000))

    async def _wait_for_turn(self, job: Job, wait_ms: int) -> Job | None:
        """Rest until the key's pace allows the call; a wait that a person would notice is told."""
        waiting = replace(
            job,
            termination=replace(
                job.termination, calls=replace(job.termination.calls, trouble="RATE_LIMITED")
            ),
        )
        if wait_ms < SHOW_AFTER_SECONDS * 1000 or self._progress.is_shown(waiting):
            return await self._progress.rest(job, job.termination, wait_ms)
        return await self._progress.rest(job, await self._progress.show_quietly(waiting), wait_ms)

    def _begins_softly(self, job: Job) -> bool:
        """Tell whether the reason is still to be passed on, which only a soft call does."""
        asked = job.termination
        return (
            asked.request.force and self._pace.soft_first_ms is not None and not asked.calls.accepted_before
        )

    async def _settle(self, job: Job, key: OpenedKey, call: asyncio.Task[None]) -> Job | None:
        try:
            await call
        except NotRunning as gone:
            if _has_stopped_it(job):
                return await self._progress.end(job, Outcome.GONE_VERIFIED, status=gone.status, verified=True)
            return await self._progress.end(job, Outcome.ALREADY_GONE, code=gone.code, status=gone.status)
        except Definite as refused:
            return await self._progress.end(job, _failed(job), code=refused.code, status=refused.status)
        except NotSent as trouble:
            unsent = replace(
                job.termination, calls=replace(job.termination.calls, sent=job.termination.calls.sent[:-1])
            )
            return await self._retry(replace(job, termination=unsent), key, trouble)
        except (NotExecuted, Ambiguous) as trouble:
            return await self._retry(job, key, trouble)
        return await self._verify(job, key)

    async def _verify(self, job: Job, key: OpenedKey) -> Job | None:
        """Bitrix24 accepted: find out what is true, not what was asked for."""
        now = await self._progress.store.now()
        accepted = replace(
            job.termination,
            calls=replace(job.termination.calls, accepted_at=now, status=HTTPStatus.NO_CONTENT),
        )
        job, look = await self._progress.patiently(replace(job, termination=accepted), self._look(job, key))
        try:
            sighting = look.result()
        except VibecodeError as unreadable:
            log.info("The list could not be read after a termination: %s", unreadable)
            return await self._watch(job, None)
        if sighting.instance is None and sighting.certain and not self._may_be_written_back(job, now):
            return await self._progress.end(
                job, Outcome.GONE_VERIFIED, status=HTTPStatus.NO_CONTENT, verified=True
            )
        return await self._watch(job, sighting)

    async def _watch(self, job: Job, sighting: Sighting | None, *before: Event) -> Job | None:
        found = sighting.instance if sighting else None
        verified = found is not None or (sighting is not None and sighting.certain)
        gone = found is None and verified
        watching = replace(
            job.termination,
            result=Result(
                outcome=Outcome.GONE_VERIFIED if gone else Outcome.ACCEPTED,
                ended_at=job.termination.calls.accepted_at if gone else None,
                verified=verified,
            ),
            question=replace(job.termination.question, seen=seen_again(job.termination.question.seen, found)),
        )
        accepted = event(watching, "accepted")
        return await self._progress.advance(job, watching, Phase.WATCHING, *before, accepted)

    def _may_be_written_back(self, job: Job, now: int) -> bool:
        """Tell whether a step was executing when the instance was forced away: it may write it back."""
        seen = job.termination.question.seen
        return (
            job.termination.calls.forced
            and seen is not None
            and seen.locked_until is not None
            and seen.locked_until > now
        )

    async def _look(self, job: Job, key: OpenedKey, *, for_changes: bool = False) -> Sighting:
        """Look in the list of those like what was seen, or in all of it, where a change would not be hidden.

        Raises VibecodeError, also where it takes too long.
        """
        asked = job.termination
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                if for_changes:
                    sighting = await self._lookout.find(key, asked.request.workflow_id, pages=1)
                    # Only a long list has to be narrowed.
                    if sighting.certain:
                        return sighting
                return await self._lookout.find(
                    key, asked.request.workflow_id, like=asked.question.seen, pages=CHECK_PAGES
                )
        except TimeoutError as late:
            raise NotExecuted("TIMEOUT") from late

    async def _retry(self, job: Job, key: OpenedKey, trouble: NotExecuted | Ambiguous) -> Job | None:
        ambiguous = isinstance(trouble, Ambiguous)
        termination = replace(
            job.termination,
            calls=replace(
                job.termination.calls,
                retries=job.termination.calls.retries + 1,
                trouble=trouble.code,
                status=trouble.status,
                unsure=job.termination.calls.unsure or ambiguous,
                must_look=job.termination.calls.must_look or isinstance(trouble, NoAnswer),
            ),
        )
        if termination.calls.retries > MAX_RETRIES:
            failed_for_good = replace(job, termination=termination)
            return await self._progress.end(
                failed_for_good, _failed(failed_for_good), code=trouble.code, status=trouble.status
            )
        wait_ms = pause_ms(termination.calls.retries, trouble.retry_after)
        if isinstance(trouble, RateLimited):
            await self._progress.store.block(key.key_id, wait_ms)
        failed = event(termination, "try_failed", code=trouble.code, status=trouble.status, wait_ms=wait_ms)
        waiting = await self._progress.advance(job, termination, Phase.REQUESTED, failed)
        if waiting is None:
            return None
        return await self._progress.rest(waiting, await self._progress.show_quietly(waiting), wait_ms)


def _changes(job: Job, sighting: Sighting) -> Changes:
    seen, found = job.termination.question.seen, sighting.instance
    return differences(seen, found) if seen is not None and found is not None else ()


def _has_stopped_it(job: Job) -> bool:
    """Tell whether what is gone was stopped by an earlier call of ours, which Bitrix24 had accepted."""
    return job.termination.calls.accepted_before and not job.termination.calls.unsure


def _failed(job: Job) -> Outcome:
    """Name a failure: a later refusal does not undo what an earlier try may have done."""
    return Outcome.UNKNOWN if job.termination.calls.unsure else Outcome.FAILED
