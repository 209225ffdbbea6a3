"""Asks before a force: shows what would be destroyed, and lets the question end without an answer."""

from dataclasses import replace

from bot.channels.keys import Keys
from bot.domain.backoff import retry_ms
from bot.domain.errors import KeyUnusable, SlackRefused, SlackUnavailable, VibecodeError
from bot.domain.instance import stuck_siblings
from bot.domain.job import Job
from bot.domain.pace import Pace
from bot.domain.termination import Outcome, Question, Termination
from bot.domain.transitions import ending
from bot.instances.finder import Finder
from bot.terminations.lease import Leases
from bot.terminations.notifier import Notifier


class Confirmer:
    """The question of a forced termination, and the offer under a soft one that does not end."""

    def __init__(self, leases: Leases, notifier: Notifier, keys: Keys, finder: Finder, pace: Pace) -> None:
        self._leases = leases
        self._notifier = notifier
        self._keys = keys
        self._finder = finder
        self._pace = pace

    async def ask(self, job: Job) -> Job | None:
        """Put the question, fill in what is known of the instance, or let the question expire."""
        now = await self._leases.store.now()
        question = job.termination.question
        asked_at = question.asked_at or job.termination.request.requested_at
        expires_at = question.expires_at or asked_at + self._pace.confirmation_ms
        termination = replace(job.termination, question=replace(question, expires_at=expires_at))
        job = replace(job, termination=termination)
        if now >= expires_at:
            return await self._leases.apply(job, ending(termination, "expired", Outcome.EXPIRED, now))
        if not self._notifier.is_shown(job):
            return await self._put(job, now)
        if question.preview is None:
            return await self._fill_in(job)
        return await self._leases.rest(job, termination, expires_at - now)

    async def offer(self, job: Job) -> Job | None:
        """Leave the choice in the message for a while, then close it with what was last known."""
        termination = job.termination
        verified = termination.result.verified
        if self._notifier.is_shown(job):
            return await self._leases.end(
                job,
                Outcome.ACCEPTED,
                status=termination.calls.status,
                verified=verified,
                name="offer_ended",
            )
        try:
            shown = await self._notifier.show(job)
        except SlackUnavailable as later:
            unseen = await self._notifier.unsure_where(termination, later)
            return await self._leases.rest(job, unseen, retry_ms(3, later.retry_after))
        except SlackRefused as refused:
            return await self._leases.end(job, Outcome.ACCEPTED, code=refused.code.upper(), verified=verified)
        return await self._leases.rest(job, shown, self._pace.offer_ms)

    async def _put(self, job: Job, now: int) -> Job | None:
        try:
            shown = await self._notifier.show(job)
        except SlackUnavailable as later:
            unseen = await self._notifier.unsure_where(job.termination, later)
            return await self._leases.rest(job, unseen, retry_ms(2, later.retry_after))
        except SlackRefused as refused:
            undelivered = ending(job.termination, "outcome", Outcome.FAILED, now, code=refused.code.upper())
            return await self._leases.apply(job, undelivered)
        put = await self._leases.advance(job, shown)
        if put is None:
            # It was answered while Slack was still posting it.
            await self._notifier.correct(job.termination.id)
        return put

    async def _fill_in(self, job: Job) -> Job | None:
        job, looking = await self._leases.keep(job, self._preview(job.termination))
        termination = replace(job.termination, question=looking.result())
        # Recorded first: a click from now on is bound to what is shown next.
        filled = await self._leases.advance(job, termination)
        if filled is None:
            return None
        pause = None
        try:
            shown = await self._notifier.show_quietly(filled, insist=True)
        except SlackUnavailable as later:
            # What nobody could see binds nobody: it is looked up and shown once more.
            shown = await self._notifier.unsure_where(job.termination, later)
            pause = retry_ms(2, later.retry_after)
        if await self._leases.advance(filled, shown, rest_ms=pause) is None:
            # It was answered meanwhile, and what Slack has shown, or may yet show, is older.
            await self._notifier.correct(termination.id)
            return None
        return replace(filled, termination=shown) if pause is None else None

    async def _preview(self, termination: Termination) -> Question:
        """The question with what is known of the instance, or why nothing is."""
        question, request = termination.question, termination.request
        try:
            key = await self._keys.open_for(request.workflow_id, request.team, request.channel, request.user)
            lookup = await self._finder.find(key, request.workflow_id)
        except (KeyUnusable, VibecodeError) as trouble:
            return replace(question, preview=trouble.code)
        seen = lookup.instance
        if seen is None:
            return replace(question, preview="absent" if lookup.certain else "not_found")
        now = await self._leases.store.now()
        settings = await self._leases.store.settings(request.team, request.channel)
        return replace(
            question,
            preview="read",
            seen=seen,
            stuck_siblings=stuck_siblings(seen, lookup.others, now),
            portal=settings.get("portal"),
        )
