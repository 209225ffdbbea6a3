"""Watches an accepted termination until its instance is gone, or until it is time to offer force."""

from dataclasses import replace
from http import HTTPStatus

from bot.channels.keys import Keys
from bot.domain.audit import event
from bot.domain.backoff import poll_ms
from bot.domain.errors import Ambiguous, KeyUnusable, NotExecuted, VibecodeError
from bot.domain.instance import Lookup, seen_again
from bot.domain.job import Job
from bot.domain.pace import Pace
from bot.domain.termination import Outcome, Phase, Result, Termination
from bot.instances.finder import Finder, NotYet, Watch
from bot.terminations.lease import Leases
from bot.terminations.notifier import Notifier

_MOST_POLLS = 8
"""After so many looks the pause has long reached its longest."""
_FORGET_MS = 60 * 60 * 1000
"""How long beyond its end what was learnt for a watch is kept: another process may have ended it."""


class Watcher:
    """Polls in growing pauses of 1 to 15 s. All watches of a key share what each of them reads."""

    def __init__(self, leases: Leases, notifier: Notifier, keys: Keys, finder: Finder, pace: Pace) -> None:
        self._leases = leases
        self._notifier = notifier
        self._keys = keys
        self._finder = finder
        self._pace = pace
        self._watches: dict[str, tuple[int, Watch]] = {}
        """By reference: until when it is watched, and what this process has learnt for it."""

    async def watch(self, job: Job) -> Job | None:
        """Take one look, and say what follows."""
        until = job.termination.calls.watch_until
        if until is None:
            return await self._begin(job)
        now = await self._leases.store.now()
        # It may have to wait for what other watches are reading.
        job, look = await self._leases.keep(job, self._look(job.termination, until, now))
        try:
            lookup = look.result()
        except NotYet as turn:
            # Not at the very next turn, for which all the others would come as well: what they read counts.
            left_ms = until - now
            if left_ms < -self._pace.late_ms:
                return await self._time_is_up(job, Lookup(None, certain=False))
            at_least_ms = min(turn.wait_ms, left_ms + self._pace.late_ms)
            return await self._look_again(job, job.termination, left_ms, at_least_ms=at_least_ms)
        except (NotExecuted, Ambiguous):
            lookup = Lookup(None, certain=False)
        except (KeyUnusable, VibecodeError) as refused:
            return await self._close(job, code=refused.code)
        if lookup.instance is None and lookup.certain:
            return await self._gone(job, until, now)
        back = lookup.instance is not None and job.termination.result.outcome is Outcome.GONE_VERIFIED
        if back or now >= until:
            return await self._time_is_up(job, lookup)
        return await self._look_again(job, _seen(job.termination, lookup), until - now)

    async def _begin(self, job: Job) -> Job | None:
        """Say that it was accepted, and until when it is watched."""
        termination = job.termination
        watch_ms = self._watch_ms(termination)
        until = await self._leases.store.now() + watch_ms
        begun = replace(termination, calls=replace(termination.calls, watch_until=until))
        job = replace(job, termination=begun)
        # Where the next look comes at once, a message in between would only flicker.
        if watch_ms > 0 and not self._notifier.is_shown(job):
            begun = await self._notifier.show_quietly(job)
        return await self._look_again(job, begun, watch_ms)

    async def _look_again(
        self, job: Job, termination: Termination, at_most_ms: int, *, at_least_ms: int = 0
    ) -> Job | None:
        polls = termination.calls.polls
        polled = replace(termination.calls, polls=min(polls + 1, _MOST_POLLS))
        wait_ms = poll_ms(polls, at_most_ms=at_most_ms, at_least_ms=at_least_ms)
        return await self._leases.rest(job, replace(termination, calls=polled), wait_ms)

    async def _look(self, termination: Termination, until: int, now: int) -> Lookup:
        request = termination.request
        key = await self._keys.open_for(request.workflow_id, request.team, request.channel, request.user)
        watch = self._watch_of(termination.id, until, now)
        lookup = await self._finder.poll(key, request.workflow_id, watch, like=termination.question.seen)
        watch.learn()
        return lookup

    def _watch_of(self, reference: str, until: int, now: int) -> Watch:
        """Find the watch, or begin one: what was learnt for a former one is older than the call that came since."""
        known = self._watches.get(reference)
        if known is None or known[0] != until:
            # Those that another process has brought to their end are let go of.
            self._watches = {
                other: each for other, each in self._watches.items() if each[0] > now - _FORGET_MS
            }
            known = self._watches[reference] = (until, Watch())
        return known[1]

    async def _gone(self, job: Job, until: int, now: int) -> Job | None:
        # What was read up to now says nothing of what comes later: the next look needs a reading of its own.
        self._watches.pop(job.termination.id, None)
        if job.termination.calls.forced and now < until:
            # It was seen gone before as well; what is waited for is whether it comes back.
            return await self._look_again(job, job.termination, until - now)
        return await self._leases.end(job, Outcome.GONE_VERIFIED, status=HTTPStatus.NO_CONTENT, verified=True)

    async def _time_is_up(self, job: Job, lookup: Lookup) -> Job | None:
        termination = _seen(job.termination, lookup)
        self._watches.pop(termination.id, None)
        if termination.request.force and not termination.calls.forced:
            softened = replace(termination, calls=termination.calls.after_soft(), result=Result())
            insufficient = event(softened, "soft_first_did_not_suffice")
            return await self._leases.advance(job, softened, Phase.REQUESTED, insufficient)
        if self._pace.watch_ms == 0 and not termination.request.force:
            return await self._close(replace(job, termination=termination))
        offered = replace(
            termination,
            question=replace(termination.question, number=termination.question.number + 1),
            result=Result(outcome=Outcome.ACCEPTED, verified=termination.result.verified),
        )
        name = "still_running" if lookup.instance else "could_not_be_verified"
        return await self._leases.advance(job, offered, Phase.OFFERED, event(offered, name))

    async def _close(self, job: Job, code: str | None = None) -> Job | None:
        self._watches.pop(job.termination.id, None)
        return await self._leases.end(
            job,
            Outcome.ACCEPTED,
            code=code,
            status=HTTPStatus.NO_CONTENT,
            verified=job.termination.result.verified and code is None,
        )

    def _watch_ms(self, termination: Termination) -> int:
        if termination.calls.forced:
            return self._pace.write_back_ms
        if termination.request.force:
            return self._pace.soft_first_ms or 0
        return self._pace.watch_ms


def _seen(termination: Termination, lookup: Lookup) -> Termination:
    """What is known once it was looked for, whether or not it was found."""
    seen = seen_again(termination.question.seen, lookup.instance)
    return replace(
        termination,
        question=replace(termination.question, seen=seen),
        result=replace(termination.result, verified=lookup.instance is not None),
    )
