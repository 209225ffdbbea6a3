"""Takes a termination from where it stands to its outcome, one recorded step after the other."""

import logging
from dataclasses import replace

from bot.domain.audit import event
from bot.domain.backoff import retry_ms
from bot.domain.errors import SlackRefused, SlackUnavailable
from bot.domain.job import Job
from bot.domain.pace import Pace
from bot.domain.termination import Outcome, Phase
from bot.terminations.authorize import Authorizer
from bot.terminations.confirm import Confirmer
from bot.terminations.execute import Executor
from bot.terminations.lease import Leases, Overtaken, is_held
from bot.terminations.notifier import Notifier
from bot.terminations.watch import Watcher

log = logging.getLogger(__name__)


class Engine:
    """Runs one job as far as it goes now. Every step is committed before the next one is taken."""

    def __init__(
        self,
        leases: Leases,
        notifier: Notifier,
        authorizer: Authorizer,
        confirmer: Confirmer,
        executor: Executor,
        watcher: Watcher,
        pace: Pace,
    ) -> None:
        self._leases = leases
        self._notifier = notifier
        self._authorizer = authorizer
        self._confirmer = confirmer
        self._executor = executor
        self._watcher = watcher
        self._pace = pace

    async def run(self, job: Job) -> None:
        """Step on until the job is done, is to wait, or belongs to somebody else."""
        crashes = job.fence - job.attempts - 1
        if crashes or job.taken_over:
            # Whoever had it may have posted its message without recording where.
            posting = job.termination.posting
            now = await self._leases.store.now()
            posting = replace(posting, maybe_shown=posting.message is None, maybe_shown_at=now)
            job = replace(job, termination=replace(job.termination, posting=posting))
        step: Job | None = job
        if crashes > self._pace.crashes:
            step = await self._give_up_crashing(job)
        try:
            while step is not None and step.phase is not Phase.DONE and is_held(step):
                step = await self._step(step)
        except Overtaken:
            log.info("Termination %s is in other hands now.", job.termination.id)

    async def _step(self, job: Job) -> Job | None:
        if self._authorizer.is_due(job):
            return await self._authorizer.authorize(job)
        match job.phase:
            case Phase.AWAITING_CONFIRMATION:
                return await self._confirmer.ask(job)
            case Phase.REQUESTED:
                return await self._executor.execute(job)
            case Phase.CALLING:
                return await self._executor.take_over(job)
            case Phase.WATCHING:
                return await self._watcher.watch(job)
            case Phase.OFFERED:
                return await self._confirmer.offer(job)
            case _:
                return await self._tell(job)

    async def _tell(self, job: Job) -> Job | None:
        try:
            private = self._authorizer.is_private(job)
            told = await (self._authorizer.tell(job) if private else self._notifier.show(job))
        except SlackUnavailable as later:
            return await self._tell_later(job, later)
        except SlackRefused as refused:
            return await self._close(job, refused.code)
        message = told.posting.message
        if message is not None and message.way != "channel":
            elsewhere = event(told, "told_elsewhere", way=message.way)
            return await self._leases.advance(job, told, Phase.DONE, elsewhere)
        return await self._leases.advance(job, told, Phase.DONE)

    async def _tell_later(self, job: Job, later: SlackUnavailable) -> Job | None:
        now = await self._leases.store.now()
        if now - (job.termination.result.ended_at or now) > self._pace.telling_ms:
            return await self._close(job, later.code)
        unsure = await self._notifier.unsure_where(job.termination, later)
        tries = unsure.posting.telling_tries + 1
        again = replace(unsure, posting=replace(unsure.posting, telling_tries=tries))
        return await self._leases.rest(job, again, retry_ms(tries, later.retry_after))

    async def _close(self, job: Job, code: str) -> Job | None:
        undelivered = event(job.termination, "undelivered", code=code)
        return await self._leases.advance(job, job.termination, Phase.DONE, undelivered)

    async def _give_up_crashing(self, job: Job) -> Job | None:
        """Haltbot itself died of this one again and again: say so instead of trying for ever."""
        if job.phase is Phase.TELLING:
            return await self._close(job, "REPEATED_CRASH")
        maybe_called = job.termination.calls.sent or job.termination.calls.unsure
        outcome = Outcome.UNKNOWN if maybe_called else Outcome.FAILED
        return await self._leases.end(job, outcome, code="REPEATED_CRASH")
