"""The first thing done with a termination: is the requester allowed to, and does somebody else have to agree?"""

import logging
from dataclasses import replace
from typing import Any

from bot.channels.authority import WORK_SECONDS, Authority
from bot.channels.breaker import Breaker
from bot.domain.audit import event
from bot.domain.channel_settings import ChannelSettings, Role
from bot.domain.errors import FactsUnavailable, Refused, SlackError
from bot.domain.job import Job
from bot.domain.permissions import Actor
from bot.domain.practice import is_practice
from bot.domain.termination import Approval, Outcome, Phase, Result, Termination
from bot.messages.permission_blocks import refusal
from bot.terminations.notifier import Progress, pause_ms

log = logging.getLogger(__name__)

PATIENCE_MS = 10 * 60 * 1000
"""How long Slack may fail to say who somebody is before their request is refused."""


class Clearing:
    """Nothing is asked, shown or called before the requester's rights are known."""

    def __init__(self, progress: Progress, authority: Authority, breaker: Breaker) -> None:
        self._progress = progress
        self._authority = authority
        self._breaker = breaker

    @staticmethod
    def is_due(job: Job) -> bool:
        """Tell whether the rights were not examined yet; what was sent already is beyond that."""
        termination = job.termination
        waits = job.phase in (Phase.REQUESTED, Phase.AWAITING_CONFIRMATION)
        # A question that follows a call, as the one of an escalation does, is a new one.
        asks = job.phase is Phase.AWAITING_CONFIRMATION
        return waits and not termination.question.authorized and (asks or termination.calls.tries == 0)

    async def examine(self, job: Job) -> Job | None:
        """Clear it, refuse it privately, or come back when Slack can say who the requester is."""
        termination = job.termination
        try:
            settings = await self._authority.settings(termination.request.team, termination.request.channel)
            await self._check(termination, settings)
            # A game day must not slow down the next incident.
            counts = settings.breaker_limit and not is_practice(termination.request.workflow_id)
            if counts and not termination.request.admitted:
                admitted = replace(termination, request=replace(termination.request, admitted=True))
                counted = await self._progress.advance(job, admitted, None, event(admitted, "admitted"))
                if counted is None:
                    return None
                job, termination = counted, counted.termination
                settings = await self._breaker.look(
                    termination.request.team, termination.request.channel, settings
                )
            return await self._clear(job, settings)
        except FactsUnavailable:
            return await self._come_back(job)
        except Refused as refused:
            return await self._refuse(job, refused)

    async def _check(self, termination: Termination, settings: ChannelSettings) -> None:
        if termination.request.force and settings.force_needs_reason and not termination.request.reason:
            raise Refused("reason_needed")
        if termination.question.number > 1:
            # The click that led here was authorised.
            return
        role = Role.FORCE if termination.request.force else Role.SOFT
        asker = Actor.of(termination.request)
        found = await self._authority.verdict(asker, settings, role, within_seconds=WORK_SECONDS)
        if found.allowed:
            return
        # Whoever asks those who may approve lacks the role; everything else still shuts them out.
        if termination.question.approval is not Approval.ASKED or found.reply != "not_granted":
            refused = found.refused()
            if refused.reply == "not_granted":
                refused.detail["approvers"] = tuple(settings.approve.words)
            raise refused

    async def _clear(self, job: Job, settings: ChannelSettings) -> Job | None:
        termination = job.termination
        approval = termination.question.approval
        if approval is not Approval.ASKED:
            approval = await self._authority.approval(termination, settings, within_seconds=WORK_SECONDS)
        cleared = replace(
            termination,
            question=replace(
                termination.question,
                authorized=True,
                authorize_tries=0,
                approval=approval,
                approvers=tuple(settings.approve.words) if approval else (),
                may_break_glass=settings.break_glass
                and termination.request.force
                and approval is not Approval.ASKED,
            ),
        )
        asks = approval is not None or job.phase is Phase.AWAITING_CONFIRMATION
        phase = Phase.AWAITING_CONFIRMATION if asks else job.phase
        if approval is None:
            # Recorded with the step that follows anyway, which fails if somebody else has taken over.
            return replace(job, termination=cleared)
        needed = event(cleared, "approval_needed", why=approval)
        return await self._progress.advance(job, cleared, phase, needed)

    async def _come_back(self, job: Job) -> Job | None:
        termination = job.termination
        since = termination.question.asked_at or termination.request.requested_at
        if await self._progress.store.now() - since > PATIENCE_MS:
            return await self._refuse(job, Refused("who_unknown"))
        tries = termination.question.authorize_tries + 1
        if tries == 1:
            await self._whisper(job, Refused("who_unknown_yet"))
        later = replace(termination, question=replace(termination.question, authorize_tries=tries))
        return await self._progress.rest(job, later, pause_ms(tries))

    async def _refuse(self, job: Job, refused: Refused) -> Job | None:
        """Tell the requester, and nobody else, unless there is a message in the channel that has to end."""
        now = await self._progress.store.now()
        ended = replace(
            job.termination,
            result=Result(outcome=Outcome.REFUSED, code=refused.reply, refusal=refused.detail, ended_at=now),
            question=replace(job.termination.question, authorized=True),
        )
        detail: dict[str, Any] = {
            name: refused.detail[name] for name in ("role", "granted") if name in refused.detail
        }
        recorded = await self._progress.advance(job, ended, Phase.TELLING, event(ended, "refused", **detail))
        if recorded is not None and ended.posting.message is not None:
            # It is told in the channel, where its message stands; this is the more exact sentence.
            await self._whisper(recorded, refused)
        return recorded

    @staticmethod
    def is_private(job: Job) -> bool:
        """Tell whether nobody but the requester is to hear what became of it."""
        return job.termination.result.outcome is Outcome.REFUSED and job.termination.posting.message is None

    async def tell(self, job: Job) -> Termination:
        """Tell the requester alone why it was refused. Raises SlackError, Overtaken."""
        termination = job.termination
        refused = Refused(termination.result.code or "not_granted", **termination.result.refusal)
        await self._progress.whisper(job, refusal(refused, termination))
        return termination

    async def _whisper(self, job: Job, refused: Refused) -> None:
        try:
            await self._progress.whisper(job, refusal(refused, job.termination))
        except SlackError as error:
            log.warning("A refusal of %s was not delivered: %s", job.termination.id, error.code)
