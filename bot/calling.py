"""Makes the call, once, and finds out what became of it."""

import asyncio
import logging
from dataclasses import asdict, replace
from http import HTTPStatus

from bot.decisions import ask_anew, differences
from bot.domain import Event, Job, Outcome, Phase, Transition, event
from bot.errors import (
    Ambiguous,
    Definite,
    KeyUnusable,
    NoAnswer,
    NotExecuted,
    NotRunning,
    RateLimited,
    VibecodeError,
)
from bot.keys import Keys
from bot.lookout import Lookout
from bot.ports import OpenedKey, Workflows
from bot.progress import Pace, Progress, is_held, pause_ms
from bot.workflows import Sighting

log = logging.getLogger(__name__)

MAX_RETRIES = 6
SHOW_AFTER_SECONDS = 1.0
"""A call that takes longer gets a message that says that it is under way."""
CHECK_PAGES = 4
"""How many pages are read for one call; a longer list is left to the watch."""


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
        """Whoever began this call is gone: nobody knows how it ended."""
        termination = replace(job.termination, unsure=True, must_look=True, recovered=True)
        return await self._progress.advance(
            job, termination, Phase.REQUESTED, event(termination, "recovered")
        )

    async def request(self, job: Job) -> Job | None:
        """Call, after a look where one is owed: after an ambiguous end, and before a force."""
        try:
            asked = job.termination
            key = await self._keys.open(asked.team, asked.channel, asked.user)
        except KeyUnusable as unusable:
            return await self._progress.end(job, _failed(job), code=unusable.code)
        if job.termination.must_look:
            return await self._look_before_repeating(job, key)
        if job.termination.force and job.termination.retries == 0:
            return await self._check_what_was_seen(job, key)
        return await self._call(job, key, ())

    async def _look_before_repeating(self, job: Job, key: OpenedKey) -> Job | None:
        try:
            sighting = await self._look(job, key)
        except (NotExecuted, Ambiguous) as trouble:
            return await self._retry(job, key, trouble)
        except Definite as refused:
            return await self._progress.end(job, Outcome.UNKNOWN, code=refused.code, status=refused.status)
        if sighting.instance is None and sighting.certain:
            return await self._progress.end(job, Outcome.ALREADY_GONE, verified=True)
        if sighting.instance is None:
            return await self._progress.end(job, Outcome.UNKNOWN, code="LIST_TOO_LONG", verified=False)
        seen = replace(job.termination, must_look=False)
        return await self._progress.advance(job, seen, Phase.REQUESTED, event(seen, "still_listed"))

    async def _check_what_was_seen(self, job: Job, key: OpenedKey) -> Job | None:
        """Force only what the person saw: read it again, and keep its record before it is destroyed."""
        try:
            # Not narrowed to what was seen, which would hide a change; only a long list has to be.
            sighting = await self._lookout.find(key, job.termination.workflow_id, pages=1)
            if not sighting.certain:
                sighting = await self._look(job, key)
        except VibecodeError as trouble:
            # The person was told that the list could not be read, or saw it a moment ago, and confirmed.
            return await self._call(job, key, (event(job.termination, "snapshot", code=trouble.code),))
        found, seen = sighting.instance, job.termination.seen
        if found is None and sighting.certain:
            # What was called without a failed try, and is asked about again, was accepted.
            stopped = job.termination.tries > 0 and not job.termination.unsure
            outcome = Outcome.GONE_VERIFIED if stopped else Outcome.ALREADY_GONE
            return await self._progress.end(job, outcome, verified=True)
        if found is not None and seen is not None and (changes := differences(seen, found)):
            now = await self._progress.store.now()
            asking = ask_anew(replace(job.termination, seen=found), now, changes)
            changed = event(asking, "changed", before=asdict(seen), now=asdict(found))
            return await self._progress.advance(job, asking, Phase.AWAITING_CONFIRMATION, changed)
        record = asdict(found) if found is not None else None
        known = replace(job, termination=replace(job.termination, seen=found or seen))
        return await self._call(known, key, (event(job.termination, "snapshot", instance=record),))

    async def _call(self, job: Job, key: OpenedKey, events: tuple[Event, ...]) -> Job | None:
        gently = self._begins_softly(job)
        calling = replace(job.termination, tries=job.termination.tries + 1, trouble=None, status=None)
        attempted = event(calling, "attempted", attempt=calling.tries, soft_first=gently)
        begun = await self._progress.store.begin_call(
            job,
            Transition(
                termination=calling, phase=Phase.CALLING, events=(*events, attempted), attempts=job.fence
            ),
            key_id=key.key_id,
            per_second=self._pace.calls_per_second,
        )
        if isinstance(begun, int):
            return await self._wait_for_turn(job, begun)
        if begun is None or not is_held(begun):
            # Frozen right after it was recorded: whoever took over has looked, and called or not.
            return None
        call = asyncio.create_task(
            self._workflows.terminate(
                key.key,
                calling.workflow_id,
                force=calling.force and not gently,
                reason=calling.reason,
            )
        )
        try:
            shown = await self._show_if_slow(begun, call)
            return await self._settle(shown, key, call) if shown else None
        finally:
            call.cancel()

    async def _wait_for_turn(self, job: Job, wait_ms: int) -> Job | None:
        """Rest until the key's pace allows the call; a wait that a person would notice is told."""
        waiting = replace(job, termination=replace(job.termination, trouble="RATE_LIMITED"))
        if wait_ms < SHOW_AFTER_SECONDS * 1000 or self._progress.is_shown(waiting):
            return await self._progress.rest(job, job.termination, wait_ms)
        return await self._progress.rest(job, await self._progress.show_quietly(waiting), wait_ms)

    def _begins_softly(self, job: Job) -> bool:
        return job.termination.force and self._pace.soft_first_ms is not None and not job.termination.softened

    async def _show_if_slow(self, job: Job, call: asyncio.Task[None]) -> Job | None:
        done, _ = await asyncio.wait({call}, timeout=SHOW_AFTER_SECONDS)
        if done:
            return job
        return await self._progress.advance(job, await self._progress.show_quietly(job))

    async def _settle(self, job: Job, key: OpenedKey, call: asyncio.Task[None]) -> Job | None:
        try:
            await call
        except NotRunning as gone:
            return await self._progress.end(job, Outcome.ALREADY_GONE, code=gone.code, status=gone.status)
        except Definite as refused:
            return await self._progress.end(job, _failed(job), code=refused.code, status=refused.status)
        except (NotExecuted, Ambiguous) as trouble:
            return await self._retry(job, key, trouble)
        return await self._verify(job, key)

    async def _verify(self, job: Job, key: OpenedKey) -> Job | None:
        """Bitrix24 accepted: find out what is true, not what was asked for."""
        now = await self._progress.store.now()
        accepted = replace(job.termination, accepted_at=now, status=HTTPStatus.NO_CONTENT)
        job = replace(job, termination=accepted)
        try:
            sighting = await self._look(job, key)
        except VibecodeError as unreadable:
            log.info("The list could not be read after a termination: %s", unreadable)
            return await self._watch(job, sighting=None)
        if sighting.instance is None and sighting.certain and not self._may_be_written_back(job, now):
            return await self._progress.end(
                job, Outcome.GONE_VERIFIED, status=HTTPStatus.NO_CONTENT, verified=True
            )
        return await self._watch(job, sighting)

    async def _watch(self, job: Job, sighting: Sighting | None) -> Job | None:
        found = sighting.instance if sighting else None
        verified = found is not None or (sighting is not None and sighting.certain)
        gone = found is None and verified
        watching = replace(
            job.termination,
            outcome=Outcome.GONE_VERIFIED if gone else Outcome.ACCEPTED,
            ended_at=job.termination.accepted_at if gone else None,
            verified=verified,
            seen=found or job.termination.seen,
        )
        return await self._progress.advance(job, watching, Phase.WATCHING, event(watching, "accepted"))

    def _may_be_written_back(self, job: Job, now: int) -> bool:
        """Tell whether a step was executing when the instance was forced away: it may write it back."""
        seen = job.termination.seen
        forced = job.termination.force and not self._begins_softly(job)
        return forced and seen is not None and seen.locked_until is not None and seen.locked_until > now

    async def _look(self, job: Job, key: OpenedKey) -> Sighting:
        return await self._lookout.find(
            key, job.termination.workflow_id, like=job.termination.seen, pages=CHECK_PAGES
        )

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
            failed_for_good = replace(job, termination=termination)
            return await self._progress.end(
                failed_for_good, _failed(failed_for_good), code=trouble.code, status=trouble.status
            )
        wait_ms = pause_ms(termination.retries, trouble.retry_after)
        if isinstance(trouble, RateLimited):
            await self._progress.store.block(key.key_id, wait_ms)
        failed = event(termination, "try_failed", code=trouble.code, status=trouble.status, wait_ms=wait_ms)
        waiting = await self._progress.advance(job, termination, Phase.REQUESTED, failed)
        if waiting is None:
            return None
        return await self._progress.rest(waiting, await self._progress.show_quietly(waiting), wait_ms)


def _failed(job: Job) -> Outcome:
    """Name a failure: a later refusal does not undo what an earlier try may have done."""
    return Outcome.UNKNOWN if job.termination.unsure else Outcome.FAILED
