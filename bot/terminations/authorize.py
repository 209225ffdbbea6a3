"""The first thing done with a termination: is the requester allowed to, and does somebody else have to agree?"""

import logging
from dataclasses import replace
from typing import Any

from bot.channels.authority import WORK_SECONDS, Authority
from bot.channels.breaker import Breaker
from bot.domain.audit import event
from bot.domain.backoff import retry_ms
from bot.domain.channel_settings import ChannelSettings, Role
from bot.domain.errors import FactsUnavailable, Refused, SlackError
from bot.domain.job import Job
from bot.domain.pace import Pace
from bot.domain.permissions import Actor
from bot.domain.practice import is_practice
from bot.domain.termination import Approval, Outcome, Phase, Result, Termination
from bot.terminations.lease import Leases
from bot.terminations.notifier import Notifier

log = logging.getLogger(__name__)


class Authorizer:
    """Nothing is asked, shown or called before the requester's rights are known."""

    def __init__(
        self, leases: Leases, notifier: Notifier, authority: Authority, breaker: Breaker, pace: Pace
    ) -> None:
        self._leases = leases
        self._notifier = notifier
        self._authority = authority
        self._breaker = breaker
        self._pace = pace

    @staticmethod
    def is_due(job: Job) -> bool:
        """Tell whether the rights are not known yet; what was sent already is beyond that."""
        waits = job.phase in (Phase.REQUESTED, Phase.AWAITING_CONFIRMATION)
        # A question that follows a call, as the one of an escalation does, is a new one.
        asks = job.phase is Phase.AWAITING_CONFIRMATION
        return (
            waits and not job.termination.question.authorized and (asks or job.termination.calls.tries == 0)
        )

    async def authorize(self, job: Job) -> Job | None:
        """Let it pass, refuse it privately, or come back when Slack can say who the requester is."""
        termination = job.termination
        request = termination.request
        try:
            settings = await self._authority.settings(request.team, request.channel)
            await self._check(termination, settings)
            # A game day must not slow down the next incident.
            counts = settings.breaker_limit and not is_practice(request.workflow_id)
            if counts and not request.admitted:
                admitted = replace(termination, request=replace(request, admitted=True))
                counted = await self._leases.advance(job, admitted, None, event(admitted, "admitted"))
                if counted is None:
                    return None
                job = counted
                settings = await self._breaker.look(request.team, request.channel, settings)
            return await self._pass(job, settings)
        except FactsUnavailable:
            return await self._come_back(job)
        except Refused as refused:
            return await self._refuse(job, refused)

    async def _check(self, termination: Termination, settings: ChannelSettings) -> None:
        request = termination.request
        if request.force and settings.force_needs_reason and not request.reason:
            raise Refused("reason_needed")
        if termination.question.number > 1:
            # The click that led here was authorised.
            return
        role = Role.FORCE if request.force else Role.SOFT
        asker = Actor.of(request)
        found = await self._authority.verdict(asker, settings, role, within_seconds=WORK_SECONDS)
        if found.allowed:
            return
        # Whoever asks those who may approve lacks the role; everything else still shuts them out.
        if termination.question.approval is not Approval.ASKED or found.reply != "not_granted":
            refused = found.refused()
            if refused.reply == "not_granted":
                refused.detail["approvers"] = tuple(settings.approve.words)
            raise refused

    async def _pass(self, job: Job, settings: ChannelSettings) -> Job | None:
        termination = job.termination
        approval = termination.question.approval
        if approval is not Approval.ASKED:
            approval = await self._authority.approval(termination, settings, within_seconds=WORK_SECONDS)
        alone = settings.break_glass and termination.request.force and approval is not Approval.ASKED
        question = replace(
            termination.question,
            authorized=True,
            authorize_tries=0,
            approval=approval,
            approvers=tuple(settings.approve.words) if approval else (),
            may_break_glass=alone,
        )
        authorized = replace(termination, question=question)
        if approval is None:
            # Recorded with the step that follows anyway, which fails if somebody else has taken over.
            return replace(job, termination=authorized)
        needed = event(authorized, "approval_needed", why=approval)
        return await self._leases.advance(job, authorized, Phase.AWAITING_CONFIRMATION, needed)

    async def _come_back(self, job: Job) -> Job | None:
        termination = job.termination
        since = termination.question.asked_at or termination.request.requested_at
        if await self._leases.store.now() - since > self._pace.authorize_ms:
            return await self._refuse(job, Refused("who_unknown"))
        tries = termination.question.authorize_tries + 1
        if tries == 1:
            await self._tell_quietly(job, Refused("who_unknown_yet"))
        question = replace(termination.question, authorize_tries=tries)
        return await self._leases.rest(job, replace(termination, question=question), retry_ms(tries))

    async def _refuse(self, job: Job, refused: Refused) -> Job | None:
        """Tell the requester, and nobody else, unless there is a message in the channel that has to end."""
        now = await self._leases.store.now()
        ended = replace(
            job.termination,
            result=Result(outcome=Outcome.REFUSED, code=refused.reply, refusal=refused.detail, ended_at=now),
            question=replace(job.termination.question, authorized=True),
        )
        detail: dict[str, Any] = {
            name: refused.detail[name] for name in ("role", "granted") if name in refused.detail
        }
        recorded = await self._leases.advance(job, ended, Phase.TELLING, event(ended, "refused", **detail))
        if recorded is not None and ended.posting.message is not None:
            # It is told in the channel, where its message stands; this is the more exact sentence.
            await self._tell_quietly(recorded, refused)
        return recorded

    @staticmethod
    def is_private(job: Job) -> bool:
        """Tell whether nobody but the requester is to hear what became of it."""
        return job.termination.result.outcome is Outcome.REFUSED and job.termination.posting.message is None

    async def tell(self, job: Job) -> Termination:
        """Tell the requester alone why it was refused. Raises SlackError, Overtaken."""
        result = job.termination.result
        await self._notifier.refuse(job, Refused(result.code or "not_granted", **result.refusal))
        return job.termination

    async def _tell_quietly(self, job: Job, refused: Refused) -> None:
        try:
            await self._notifier.refuse(job, refused)
        except SlackError as error:
            log.warning("A refusal of %s was not delivered: %s", job.termination.id, error.code)
