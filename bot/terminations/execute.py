"""Calls Bitrix24, and finds out what it made of the call."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from dataclasses import asdict, replace
from http import HTTPStatus
from typing import Any

from bot.channels.keys import Keys
from bot.domain.api_key import OpenedKey
from bot.domain.audit import Event, event
from bot.domain.backoff import retry_ms
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
from bot.domain.instance import Changes, Instance, Lookup, differences, seen_again
from bot.domain.job import Job, Transition
from bot.domain.pace import Pace
from bot.domain.termination import Calls, Outcome, Phase, Result, Termination
from bot.domain.transitions import ask_anew
from bot.instances.finder import Finder
from bot.ports.workflows import Workflows
from bot.terminations.lease import Leases, is_held
from bot.terminations.notifier import Notifier

log = logging.getLogger(__name__)

LONGEST_TURN_MS = 5000
"""So long what was looked up waits for its turn to be called; later it is looked up again."""


class Executor:
    """From a request to what Bitrix24 made of it. A call whose end nobody saw is looked into, not repeated."""

    def __init__(
        self,
        leases: Leases,
        notifier: Notifier,
        keys: Keys,
        workflows: Workflows,
        finder: Finder,
        pace: Pace,
    ) -> None:
        self._leases = leases
        self._notifier = notifier
        self._keys = keys
        self._workflows = workflows
        self._finder = finder
        self._pace = pace

    async def take_over(self, job: Job) -> Job | None:
        """Whoever began this call is gone: nobody knows how it ended, unless that was recorded."""
        calls = replace(job.termination.calls, recovered=True)
        if calls.accepted_at is not None:
            recovered = _with(job, calls)
            return await self._watch(recovered, None, event(recovered.termination, "recovered"))
        termination = replace(job.termination, calls=replace(calls, unsure=True, must_look=True))
        return await self._leases.advance(job, termination, Phase.REQUESTED, event(termination, "recovered"))

    async def execute(self, job: Job) -> Job | None:
        """Call, after a look where one is owed: after an ambiguous end, and before a force."""
        request, calls = job.termination.request, job.termination.calls
        try:
            key = await self._keys.open_for(request.workflow_id, request.team, request.channel, request.user)
        except KeyUnusable as unusable:
            job = _with(job, replace(calls, signed_in=isinstance(unusable, SessionMissing)))
            return await self._leases.end(job, _failed(job), code=unusable.code)
        if calls.must_look:
            return await self._look_before_repeating(job, key)
        if request.force:
            return await self._check_what_was_seen(job, key)
        return await self._call(job, key, ())

    async def _look_before_repeating(self, job: Job, key: OpenedKey) -> Job | None:
        force = job.termination.request.force
        job, look = await self._notifier.while_working(
            job, self._check(job.termination, key, for_changes=force)
        )
        try:
            lookup = look.result()
        except (NotExecuted, Ambiguous) as trouble:
            return await self._retry(job, key, trouble)
        except Definite as refused:
            return await self._leases.end(job, Outcome.UNKNOWN, code=refused.code, status=refused.status)
        if lookup.instance is None and lookup.certain:
            return await self._leases.end(job, Outcome.ALREADY_GONE, verified=True)
        if lookup.instance is None:
            return await self._leases.end(job, Outcome.UNKNOWN, code="LIST_TOO_LONG", verified=False)
        if force and (changes := _changes(job.termination, lookup)):
            return await self._ask_about(job, lookup.instance, changes)
        calls = job.termination.calls
        if calls.recovered and calls.most_of_a_kind > self._pace.retries:
            # It was taken over after as many calls as are tried at most: what follows the call fails each time.
            return await self._leases.end(job, Outcome.UNKNOWN, code="REPEATED_CRASH")
        looked = replace(job.termination, calls=replace(calls, must_look=False))
        return await self._leases.advance(job, looked, Phase.REQUESTED, event(looked, "still_listed"))

    async def _check_what_was_seen(self, job: Job, key: OpenedKey) -> Job | None:
        """Force only what the person saw: read it again, and keep its record before it is destroyed."""
        job, look = await self._notifier.while_working(
            job, self._check(job.termination, key, for_changes=True)
        )
        termination = job.termination
        try:
            lookup = look.result()
        except VibecodeError as trouble:
            # The person was told that the list could not be read, or saw it a moment ago, and confirmed.
            return await self._call(job, key, (event(termination, "snapshot", code=trouble.code),))
        found, question = lookup.instance, termination.question
        if found is None and lookup.certain:
            outcome = Outcome.GONE_VERIFIED if _has_stopped_it(termination.calls) else Outcome.ALREADY_GONE
            return await self._leases.end(job, outcome, verified=True)
        if found is not None and (changes := _changes(termination, lookup)):
            return await self._ask_about(job, found, changes)
        record = asdict(found) if found is not None else None
        snapshot = event(termination, "snapshot", instance=record)
        seen = replace(termination, question=replace(question, seen=found or question.seen))
        return await self._call(replace(job, termination=seen), key, (snapshot,))

    async def _ask_about(self, job: Job, found: Instance, changes: Changes) -> Job | None:
        """It is not what the person saw: ask again, and show what has changed."""
        seen = job.termination.question.seen
        asking = ask_anew(job.termination, await self._leases.store.now(), seen=found, changes=changes)
        changed = event(asking, "changed", before=asdict(seen) if seen else None, now=asdict(found))
        return await self._leases.advance(job, asking, Phase.AWAITING_CONFIRMATION, changed)

    async def _call(self, job: Job, key: OpenedKey, events: tuple[Event, ...]) -> Job | None:
        request, calls = job.termination.request, job.termination.calls
        # Only a soft call passes the reason on.
        gently = request.force and self._pace.soft_first_ms is not None and not calls.accepted_before
        force = request.force and not gently
        attempt = {
            "sent": (*calls.sent, "force" if force else "soft"),
            "signed_in": key.key.session is not None,
            "trouble": None,
            "status": None,
            "accepted_at": None,
        }
        attempted = event(job.termination, "attempted", attempt=calls.tries + 1, soft_first=gently)
        begun = await self._begin(job, key, attempt, (*events, attempted), looked=bool(events))
        if begun is None or not is_held(begun):
            # Frozen right after it was recorded: whoever took over has looked, and called or not.
            return None
        sending = self._workflows.terminate(key.key, request.workflow_id, force=force, reason=request.reason)
        held, call = await self._notifier.while_working(begun, sending)
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
            begun = await self._leases.store.begin_call(
                job, step, key_id=key.key_id, per_second=self._pace.calls_per_second
            )
            if not isinstance(begun, int):
                return begun
            if not looked or waited_ms + begun > LONGEST_TURN_MS:
                return await self._wait_for_turn(job, begun)
            waited_ms += begun
            job, _ = await self._notifier.while_working(job, asyncio.sleep(begun / 1000))

    async def _wait_for_turn(self, job: Job, wait_ms: int) -> Job | None:
        """Rest until the key's pace allows the call; a wait that a person would notice is told."""
        waiting = _with(job, replace(job.termination.calls, trouble="RATE_LIMITED"))
        if wait_ms < self._pace.show_after_seconds * 1000 or self._notifier.is_shown(waiting):
            return await self._leases.rest(job, job.termination, wait_ms)
        return await self._leases.rest(job, await self._notifier.show_quietly(waiting), wait_ms)

    async def _settle(self, job: Job, key: OpenedKey, call: asyncio.Task[None]) -> Job | None:
        calls = job.termination.calls
        try:
            await call
        except NotRunning as gone:
            if _has_stopped_it(calls):
                return await self._leases.end(job, Outcome.GONE_VERIFIED, status=gone.status, verified=True)
            return await self._leases.end(job, Outcome.ALREADY_GONE, code=gone.code, status=gone.status)
        except Definite as refused:
            return await self._leases.end(job, _failed(job), code=refused.code, status=refused.status)
        except NotSent as trouble:
            return await self._retry(_with(job, replace(calls, sent=calls.sent[:-1])), key, trouble)
        except (NotExecuted, Ambiguous) as trouble:
            return await self._retry(job, key, trouble)
        return await self._verify(job, key)

    async def _verify(self, job: Job, key: OpenedKey) -> Job | None:
        """Bitrix24 accepted: find out what is true, not what was asked for."""
        now = await self._leases.store.now()
        job = _with(job, replace(job.termination.calls, accepted_at=now, status=HTTPStatus.NO_CONTENT))
        job, look = await self._notifier.while_working(job, self._check(job.termination, key))
        try:
            lookup = look.result()
        except VibecodeError as unreadable:
            log.info("The list could not be read after a termination: %s", unreadable)
            return await self._watch(job, None)
        gone = lookup.instance is None and lookup.certain
        if gone and not _may_be_written_back(job.termination, now):
            return await self._leases.end(
                job, Outcome.GONE_VERIFIED, status=HTTPStatus.NO_CONTENT, verified=True
            )
        return await self._watch(job, lookup)

    async def _watch(self, job: Job, lookup: Lookup | None, *before: Event) -> Job | None:
        termination = job.termination
        found = lookup.instance if lookup else None
        verified = found is not None or (lookup is not None and lookup.certain)
        gone = found is None and verified
        watching = replace(
            termination,
            result=Result(
                outcome=Outcome.GONE_VERIFIED if gone else Outcome.ACCEPTED,
                ended_at=termination.calls.accepted_at if gone else None,
                verified=verified,
            ),
            question=replace(termination.question, seen=seen_again(termination.question.seen, found)),
        )
        accepted = event(watching, "accepted")
        return await self._leases.advance(job, watching, Phase.WATCHING, *before, accepted)

    def _check(
        self, termination: Termination, key: OpenedKey, *, for_changes: bool = False
    ) -> Coroutine[Any, Any, Lookup]:
        workflow_id, seen = termination.request.workflow_id, termination.question.seen
        return self._finder.check(key, workflow_id, like=seen, for_changes=for_changes)

    async def _retry(self, job: Job, key: OpenedKey, trouble: NotExecuted | Ambiguous) -> Job | None:
        before = job.termination.calls
        calls = replace(
            before,
            retries=before.retries + 1,
            trouble=trouble.code,
            status=trouble.status,
            unsure=before.unsure or isinstance(trouble, Ambiguous),
            must_look=before.must_look or isinstance(trouble, NoAnswer),
        )
        job = _with(job, calls)
        if calls.retries > self._pace.retries:
            return await self._leases.end(job, _failed(job), code=trouble.code, status=trouble.status)
        wait_ms = retry_ms(calls.retries, trouble.retry_after)
        if isinstance(trouble, RateLimited):
            await self._leases.store.block(key.key_id, wait_ms)
        failed = event(
            job.termination, "try_failed", code=trouble.code, status=trouble.status, wait_ms=wait_ms
        )
        waiting = await self._leases.advance(job, job.termination, Phase.REQUESTED, failed)
        if waiting is None:
            return None
        return await self._leases.rest(waiting, await self._notifier.show_quietly(waiting), wait_ms)


def _with(job: Job, calls: Calls) -> Job:
    return replace(job, termination=replace(job.termination, calls=calls))


def _changes(termination: Termination, lookup: Lookup) -> Changes:
    seen, found = termination.question.seen, lookup.instance
    return differences(seen, found) if seen is not None and found is not None else ()


def _has_stopped_it(calls: Calls) -> bool:
    """Tell whether what is gone was stopped by an earlier call of ours, which Bitrix24 had accepted."""
    return calls.accepted_before and not calls.unsure


def _may_be_written_back(termination: Termination, now: int) -> bool:
    """Tell whether a step was executing when the instance was forced away: it may write it back."""
    seen = termination.question.seen
    locked_until = seen.locked_until if seen else None
    return termination.calls.forced and locked_until is not None and locked_until > now


def _failed(job: Job) -> Outcome:
    """Name a failure: a later refusal does not undo what an earlier try may have done."""
    return Outcome.UNKNOWN if job.termination.calls.unsure else Outcome.FAILED
