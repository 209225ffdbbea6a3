"""Watches an accepted termination until its instance is gone, or until it is time to offer force."""

import random
from dataclasses import replace
from http import HTTPStatus

from bot.channels.keys import Keys
from bot.domain.audit import event
from bot.domain.errors import Ambiguous, KeyUnusable, NotExecuted, VibecodeError
from bot.domain.instance import Sighting
from bot.domain.job import Job
from bot.domain.termination import Outcome, Phase, Result, Termination
from bot.domain.transitions import seen_again
from bot.instances.finder import Lookout, NotYet, Watch
from bot.terminations.notifier import Pace, Progress

LONGEST_PAUSE_SECONDS = 15.0
LATE_MS = 15_000
"""How long beyond its end a watch waits for its turn to read the list."""
WRITE_BACK_MS = 5000
"""How long a forced instance is watched whose step was executing: the step may write it back."""
_FORGET_MS = 60 * 60 * 1000
"""How long beyond its end what was learnt for a watch is kept: another process may have ended it."""


class Watching:
    """Polls in growing pauses of 1 to 15 s. All watches of a key share what each of them reads."""

    def __init__(self, progress: Progress, keys: Keys, lookout: Lookout, pace: Pace) -> None:
        self._progress = progress
        self._keys = keys
        self._lookout = lookout
        self._pace = pace
        self._watches: dict[str, tuple[int, Watch]] = {}
        """By reference: until when it is watched, and what this process has learnt for it."""

    async def watch(self, job: Job) -> Job | None:
        """Take one look, and say what follows."""
        termination = job.termination
        if termination.calls.watch_until is None:
            return await self._begin(job)
        now = await self._progress.store.now()
        # It may have to wait for what other watches are reading.
        job, look = await self._progress.keep(job, self._look(job, now))
        try:
            sighting = look.result()
        except NotYet as turn:
            # Not at the very next turn, for which all the others would come as well: what they read counts.
            left_ms = termination.calls.watch_until - now
            if left_ms < -LATE_MS:
                return await self._time_is_up(
                    replace(
                        job,
                        termination=replace(termination, result=replace(termination.result, verified=False)),
                    ),
                    Sighting(None, certain=False),
                )
            at_least_ms = min(turn.wait_ms, left_ms + LATE_MS)
            return await self._look_again_later(job, termination, left_ms, at_least_ms=at_least_ms)
        except (NotExecuted, Ambiguous):
            sighting = Sighting(None, certain=False)
        except (KeyUnusable, VibecodeError) as refused:
            return await self._close(job, code=refused.code)
        if sighting.instance is None and sighting.certain:
            return await self._gone(job, now)
        seen = replace(
            termination,
            question=replace(
                termination.question, seen=seen_again(termination.question.seen, sighting.instance)
            ),
            result=replace(termination.result, verified=sighting.instance is not None),
        )
        back = sighting.instance is not None and termination.result.outcome is Outcome.GONE_VERIFIED
        if back or now >= termination.calls.watch_until:
            return await self._time_is_up(replace(job, termination=seen), sighting)
        return await self._look_again_later(job, seen, termination.calls.watch_until - now)

    async def _begin(self, job: Job) -> Job | None:
        """Say that it was accepted, and until when it is watched."""
        termination = job.termination
        until = await self._progress.store.now() + self._watch_ms(termination)
        begun = replace(
            job, termination=replace(termination, calls=replace(termination.calls, watch_until=until))
        )
        shown = begun.termination
        if not self._progress.is_shown(begun) and not self._is_brief(termination):
            shown = await self._progress.show_quietly(begun)
        return await self._look_again_later(job, shown, self._watch_ms(termination))

    async def _look_again_later(
        self, job: Job, termination: Termination, at_most_ms: int, *, at_least_ms: int = 0
    ) -> Job | None:
        pause = min(LONGEST_PAUSE_SECONDS, 2.0**termination.calls.polls) * random.uniform(0.8, 1.0)  # noqa: S311
        polled = replace(
            termination, calls=replace(termination.calls, polls=min(termination.calls.polls + 1, 8))
        )
        wait_ms = max(at_least_ms * random.uniform(1, 2), min(pause * 1000, at_most_ms), 0)  # noqa: S311
        return await self._progress.rest(job, polled, wait_ms)

    async def _look(self, job: Job, now: int) -> Sighting:
        termination = job.termination
        key = await self._keys.open_for(
            termination.request.workflow_id,
            termination.request.team,
            termination.request.channel,
            termination.request.user,
        )
        watch = self._watch_of(termination.id, termination.calls.watch_until or now, now)
        sighting = await self._lookout.patrol(
            key, termination.request.workflow_id, watch, like=termination.question.seen
        )
        watch.learn()
        return sighting

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

    async def _gone(self, job: Job, now: int) -> Job | None:
        # What was read up to now says nothing of what comes later: the next look needs a reading of its own.
        self._watches.pop(job.termination.id, None)
        until = job.termination.calls.watch_until
        if job.termination.calls.forced and until is not None and now < until:
            # It was seen gone before as well; what is waited for is whether it comes back.
            return await self._look_again_later(job, job.termination, until - now)
        return await self._progress.end(
            job, Outcome.GONE_VERIFIED, status=HTTPStatus.NO_CONTENT, verified=True
        )

    async def _time_is_up(self, job: Job, sighting: Sighting) -> Job | None:
        termination = job.termination
        self._watches.pop(termination.id, None)
        if termination.request.force and not termination.calls.forced:
            calls = replace(
                termination.calls, softened=True, accepted_before=True, accepted_at=None, watch_until=None
            )
            softened = replace(termination, calls=calls, result=Result())
            return await self._progress.advance(
                job, softened, Phase.REQUESTED, event(softened, "soft_first_did_not_suffice")
            )
        if self._pace.watch_ms == 0 and not termination.request.force:
            return await self._close(job)
        offered = replace(
            termination,
            question=replace(termination.question, number=termination.question.number + 1),
            result=Result(outcome=Outcome.ACCEPTED, verified=termination.result.verified),
        )
        name = "still_running" if sighting.instance else "could_not_be_verified"
        return await self._progress.advance(job, offered, Phase.OFFERED, event(offered, name))

    async def _close(self, job: Job, code: str | None = None) -> Job | None:
        self._watches.pop(job.termination.id, None)
        return await self._progress.end(
            job,
            Outcome.ACCEPTED,
            code=code,
            status=HTTPStatus.NO_CONTENT,
            verified=job.termination.result.verified and code is None,
        )

    def _watch_ms(self, termination: Termination) -> int:
        if termination.calls.forced:
            return WRITE_BACK_MS
        if termination.request.force:
            return self._pace.soft_first_ms or 0
        return self._pace.watch_ms

    def _is_brief(self, termination: Termination) -> bool:
        """Tell whether the next look comes so soon that a message in between would only flicker."""
        return self._watch_ms(termination) == 0
