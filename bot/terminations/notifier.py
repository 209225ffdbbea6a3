"""Keeps the one message of a termination up to date, and tells its requester what only they may know."""

import asyncio
import math
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from bot.channels.sharing import Audience, Sharing
from bot.domain.errors import KeyUndecryptable, Refused, SlackError, SlackRefused, SlackUnavailable
from bot.domain.job import Job
from bot.domain.pace import Pace
from bot.domain.termination import Phase, Termination
from bot.domain.transitions import withheld
from bot.ports.messenger import Messenger, Showing
from bot.ports.vault import Vault
from bot.terminations.lease import Leases, ends, is_held

T = TypeVar("T")

_CORRECTIONS = 5
"""How often a state that changes while it is shown is shown anew."""


class Notifier:
    """Speaks only while the termination is held: two processes would contradict each other."""

    def __init__(
        self, leases: Leases, messenger: Messenger, vault: Vault, sharing: Sharing, pace: Pace
    ) -> None:
        self._leases = leases
        self._messenger = messenger
        self._vault = vault
        self._sharing = sharing
        self._pace = pace

    def is_shown(self, job: Job) -> bool:
        return job.termination.posting.shown == _state(job.termination, job.phase)

    async def show(self, job: Job) -> Termination:
        """Bring the one message up to date. Raises SlackError, Overtaken."""
        termination, phase = job.termination, job.phase
        showing = await self._showing(termination, phase)
        try:
            async with self._leases.while_held(job):
                shown_at = await self._messenger.show(showing)
        except SlackError:
            await self._make_way(job)
            raise
        await self._make_way(job)
        posting = replace(
            termination.posting, message=shown_at, maybe_shown=False, shown=_state(termination, phase)
        )
        return replace(termination, posting=posting)

    async def show_quietly(self, job: Job, *, insist: bool = False) -> Termination:
        """The same for what is worth a message, but not worth waiting for Slack, unless ``insist``."""
        if not _worth_showing(job.termination):
            return job.termination
        try:
            return await self.show(job)
        except SlackRefused:
            return job.termination
        except SlackUnavailable as later:
            if insist:
                raise
            return await self.unsure_where(job.termination, later)

    async def while_working(self, job: Job, work: Coroutine[Any, Any, T]) -> tuple[Job, asyncio.Task[T]]:
        """Keep the lease until Vibecode has answered; what takes longer gets a message. Raises Overtaken."""
        task = asyncio.create_task(work)
        try:
            if await ends(task, within_seconds=self._pace.show_after_seconds):
                return job, task
            held = await self._leases.renew(job, await self.show_quietly(job))
            return await self._leases.keep(held, task)
        finally:
            task.cancel()

    async def unsure_where(self, termination: Termination, later: SlackUnavailable) -> Termination:
        """Remember that Slack may have posted a message without our knowing where; a rate limit posts nothing."""
        if termination.posting.message is not None or later.did_nothing:
            return termination
        now = await self._leases.store.now()
        return replace(
            termination, posting=replace(termination.posting, maybe_shown=True, maybe_shown_at=now)
        )

    async def refuse(self, job: Job, refused: Refused) -> None:
        """Tell the requester alone why. Raises SlackError, Overtaken."""
        termination = job.termination
        async with self._leases.while_held(job):
            await self._messenger.refuse(
                refused,
                termination,
                response_url=self._opened(termination.request.response_url, termination),
            )

    async def correct(self, reference: str) -> None:
        """Show once more what is true: this process may have shown an older state after a newer one."""
        shown: str | None = None
        for _ in range(_CORRECTIONS):
            job = await self._leases.store.find(reference)
            # Where it stands nowhere yet, whoever has it now looks for it before posting it.
            if job is None or job.termination.posting.message is None:
                return
            state = _state(job.termination, job.phase)
            if state == shown:
                return
            try:
                await self.show_quietly(replace(job, held_until=math.inf), insist=True)
                shown = state
            except SlackUnavailable as later:
                await asyncio.sleep(later.retry_after or 1)

    async def _showing(self, termination: Termination, phase: Phase) -> Showing:
        request = termination.request
        audience = await self._sharing.audience(request.team, request.channel)
        alone = is_for_requester_alone(termination, audience)
        return Showing(
            termination=termination if alone or audience is Audience.TRUSTED else withheld(termination),
            phase=phase,
            now=await self._leases.store.now(),
            alone=alone,
            response_url=None if alone else self._opened(request.response_url, termination),
            click_url=self._opened(termination.posting.click_url, termination),
        )

    async def _make_way(self, job: Job) -> None:
        """Take back what was posted too late, if whoever has taken over has posted it as well.

        A process that was frozen between its last look at the lease and Slack notices only afterwards.
        """
        if is_held(job) or job.termination.posting.message is not None:
            return
        for _ in range(_CORRECTIONS):
            newest = await self._leases.store.find(job.termination.id)
            if newest is None:
                return
            if (stands := newest.termination.posting.message) is not None:
                if stands.ts is not None:
                    await self._messenger.keep_only(stands, job.termination.id)
                return
            # Whoever has it now may be about to post it, or finds ours.
            await asyncio.sleep(1)

    def _opened(self, sealed: str | None, termination: Termination) -> str | None:
        try:
            return self._vault.open(sealed, termination.id) if sealed else None
        except KeyUndecryptable:
            # Its encryption key was dropped meanwhile: one way less to tell it, and no reason not to tell it.
            return None


def is_for_requester_alone(termination: Termination, audience: Audience) -> bool:
    """Tell whether the message stands, or has to be posted, where only the requester sees it.

    A question that somebody else has to answer cannot.
    """
    message = termination.posting.message
    if message is not None:
        return message.channel != termination.request.channel
    return audience is Audience.OUTSIDERS and termination.question.approval is None


def _worth_showing(termination: Termination) -> bool:
    """Keep what is only under way from becoming another message where none can be edited.

    Such a message is replaced through the click on it, which Slack allows a few times: the outcome needs one.
    """
    posting = termination.posting
    editable = posting.message is None or posting.message.ts is not None
    return editable or (posting.click_url is not None and termination.calls.retries == 0)


def _state(termination: Termination, phase: Phase) -> str:
    return f"{phase}.{termination.question.number}"
