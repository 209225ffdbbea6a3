"""Asks before a force: shows what would be destroyed, and lets the question end without an answer."""

from dataclasses import replace

from bot.channels.keys import Keys
from bot.domain.errors import KeyUnusable, SlackRefused, SlackUnavailable, VibecodeError
from bot.domain.job import Job
from bot.domain.termination import Outcome, Termination
from bot.domain.transitions import ending, stuck_siblings
from bot.instances.finder import Lookout
from bot.terminations.notifier import Pace, Progress, pause_ms

OFFER_MS = 60 * 60 * 1000


class Asking:
    """The question of a forced termination, and the offer under a soft one that does not end."""

    def __init__(self, progress: Progress, keys: Keys, lookout: Lookout, pace: Pace) -> None:
        self._progress = progress
        self._keys = keys
        self._lookout = lookout
        self._pace = pace

    async def ask(self, job: Job) -> Job | None:
        """Put the question, fill in what is known of the instance, or let the question expire."""
        now = await self._progress.store.now()
        asked_at = job.termination.question.asked_at or job.termination.request.requested_at
        expires_at = job.termination.question.expires_at or asked_at + self._pace.confirmation_ms
        job = replace(
            job,
            termination=replace(
                job.termination, question=replace(job.termination.question, expires_at=expires_at)
            ),
        )
        if now >= expires_at:
            return await self._progress.apply(job, ending(job.termination, "expired", Outcome.EXPIRED, now))
        if not self._progress.is_shown(job):
            return await self._put(job, now)
        if job.termination.question.preview is None:
            return await self._fill_in(job)
        return await self._progress.rest(job, job.termination, expires_at - now)

    async def offer(self, job: Job) -> Job | None:
        """Leave the choice in the message for an hour, then close it with what was last known."""
        termination = job.termination
        if self._progress.is_shown(job):
            return await self._progress.end(
                job,
                Outcome.ACCEPTED,
                status=termination.calls.status,
                verified=termination.result.verified,
                name="offer_ended",
            )
        try:
            shown = await self._progress.show(job)
        except SlackUnavailable as later:
            unseen = await self._progress.unsure_where(termination, later)
            return await self._progress.rest(job, unseen, pause_ms(3, later.retry_after))
        except SlackRefused as refused:
            return await self._progress.end(
                job, Outcome.ACCEPTED, code=refused.code.upper(), verified=termination.result.verified
            )
        return await self._progress.rest(job, shown, OFFER_MS)

    async def _put(self, job: Job, now: int) -> Job | None:
        try:
            shown = await self._progress.show(job)
        except SlackUnavailable as later:
            unseen = await self._progress.unsure_where(job.termination, later)
            return await self._progress.rest(job, unseen, pause_ms(2, later.retry_after))
        except SlackRefused as refused:
            undelivered = ending(job.termination, "outcome", Outcome.FAILED, now, code=refused.code.upper())
            return await self._progress.apply(job, undelivered)
        put = await self._progress.advance(job, shown)
        if put is None:
            # It was answered while Slack was still posting it.
            await self._progress.correct(job.termination.id)
        return put

    async def _fill_in(self, job: Job) -> Job | None:
        job, looking = await self._progress.keep(job, self._preview(job.termination))
        termination = looking.result()
        # Recorded first: a click from now on is bound to what is shown next.
        filled = await self._progress.advance(job, termination)
        if filled is None:
            return None
        pause = None
        try:
            shown = await self._progress.show_quietly(filled, insist=True)
        except SlackUnavailable as later:
            # What nobody could see binds nobody: it is looked up and shown once more.
            shown = await self._progress.unsure_where(job.termination, later)
            pause = pause_ms(2, later.retry_after)
        if await self._progress.advance(filled, shown, rest_ms=pause) is None:
            # It was answered meanwhile, and what Slack has shown, or may yet show, is older.
            await self._progress.correct(termination.id)
            return None
        return replace(filled, termination=shown) if pause is None else None

    async def _preview(self, termination: Termination) -> Termination:
        try:
            key = await self._keys.open_for(
                termination.request.workflow_id,
                termination.request.team,
                termination.request.channel,
                termination.request.user,
            )
            sighting = await self._lookout.find(key, termination.request.workflow_id)
        except (KeyUnusable, VibecodeError) as trouble:
            return replace(termination, question=replace(termination.question, preview=trouble.code))
        seen = sighting.instance
        if seen is None:
            return replace(
                termination,
                question=replace(termination.question, preview="absent" if sighting.certain else "not_found"),
            )
        now = await self._progress.store.now()
        settings = await self._progress.store.settings(termination.request.team, termination.request.channel)
        return replace(
            termination,
            question=replace(
                termination.question,
                preview="read",
                seen=seen,
                stuck_siblings=stuck_siblings(seen, sighting.others, now),
                portal=settings.get("portal"),
            ),
        )
