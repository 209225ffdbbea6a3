"""Takes a termination from where it stands to its outcome, one recorded step after the other."""

import logging
from dataclasses import replace

from bot.domain.audit import event
from bot.domain.errors import SlackRefused, SlackUnavailable
from bot.domain.job import Job
from bot.domain.termination import Outcome, Phase
from bot.terminations.authorize import Clearing
from bot.terminations.confirm import Asking
from bot.terminations.execute import Calling
from bot.terminations.notifier import Overtaken, Progress, is_held, pause_ms
from bot.terminations.watch import Watching

log = logging.getLogger(__name__)

MAX_CRASHES = 5
TELLING_MS = 60 * 60 * 1000


class Steps:
    """Runs one job as far as it goes now. Every step is committed before the next one is taken."""

    def __init__(
        self, progress: Progress, clearing: Clearing, asking: Asking, calling: Calling, watching: Watching
    ) -> None:
        self._progress = progress
        self._clearing = clearing
        self._asking = asking
        self._calling = calling
        self._watching = watching

    async def run(self, job: Job) -> None:
        """Step on until the job is done, is to wait, or belongs to somebody else."""
        crashes = job.fence - job.attempts - 1
        if crashes or job.taken_over:
            # Whoever had it may have posted its message without recording where.
            posting = job.termination.posting
            now = await self._progress.store.now()
            posting = replace(posting, maybe_shown=posting.message is None, maybe_shown_at=now)
            job = replace(job, termination=replace(job.termination, posting=posting))
        step: Job | None = job
        if crashes > MAX_CRASHES:
            step = await self._give_up_crashing(job)
        try:
            while step is not None and step.phase is not Phase.DONE and is_held(step):
                step = await self._step(step)
        except Overtaken:
            log.info("Termination %s is in other hands now.", job.termination.id)

    async def _step(self, job: Job) -> Job | None:
        if self._clearing.is_due(job):
            return await self._clearing.examine(job)
        match job.phase:
            case Phase.AWAITING_CONFIRMATION:
                return await self._asking.ask(job)
            case Phase.REQUESTED:
                return await self._calling.request(job)
            case Phase.CALLING:
                return await self._calling.take_over(job)
            case Phase.WATCHING:
                return await self._watching.watch(job)
            case Phase.OFFERED:
                return await self._asking.offer(job)
            case _:
                return await self._tell(job)

    async def _tell(self, job: Job) -> Job | None:
        try:
            private = self._clearing.is_private(job)
            told = await (self._clearing.tell(job) if private else self._progress.show(job))
        except SlackUnavailable as later:
            return await self._tell_later(job, later)
        except SlackRefused as refused:
            return await self._close(job, refused.code)
        if told.posting.message is not None and told.posting.message.way != "channel":
            elsewhere = event(told, "told_elsewhere", way=told.posting.message.way)
            return await self._progress.advance(job, told, Phase.DONE, elsewhere)
        return await self._progress.advance(job, told, Phase.DONE)

    async def _tell_later(self, job: Job, later: SlackUnavailable) -> Job | None:
        now = await self._progress.store.now()
        if now - (job.termination.result.ended_at or now) > TELLING_MS:
            return await self._close(job, later.code)
        unsure = await self._progress.unsure_where(job.termination, later)
        tries = unsure.posting.telling_tries + 1
        again = replace(unsure, posting=replace(unsure.posting, telling_tries=tries))
        return await self._progress.rest(job, again, pause_ms(tries, later.retry_after))

    async def _close(self, job: Job, code: str) -> Job | None:
        undelivered = event(job.termination, "undelivered", code=code)
        return await self._progress.advance(job, job.termination, Phase.DONE, undelivered)

    async def _give_up_crashing(self, job: Job) -> Job | None:
        """Haltbot itself died of this one again and again: say so instead of trying for ever."""
        if job.phase is Phase.TELLING:
            return await self._close(job, "REPEATED_CRASH")
        maybe_called = job.termination.calls.sent or job.termination.calls.unsure
        outcome = Outcome.UNKNOWN if maybe_called else Outcome.FAILED
        return await self._progress.end(job, outcome, code="REPEATED_CRASH")
