"""Brings a click before the rules as they are now: who presses, what they may, and what the channel wants."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.channels.authority import CLICK_SECONDS, Authority
from bot.domain.channel_settings import ChannelSettings, Role
from bot.domain.command import refuse_key
from bot.domain.errors import FactsUnavailable, Refused
from bot.domain.job import Job
from bot.domain.permissions import Actor, Verdict
from bot.domain.press import Choice, Press
from bot.domain.termination import MessageRef, Termination
from bot.domain.transitions import decide, role_at_stake
from bot.ports.store import TerminationStore


@dataclass(frozen=True, slots=True)
class Dialog:
    """A click that needs something typed before it decides anything."""

    press: Press
    termination: Termination
    last_four: bool


class ClickAuthorizer:
    """A question is shown for minutes, and rights change: nothing that was found out before counts at the click."""

    def __init__(self, store: TerminationStore, authority: Authority) -> None:
        self._store = store
        self._authority = authority

    async def authorize(self, press: Press, seen_at: MessageRef) -> Press | Dialog:
        """Add what the person may now, or say what has to be typed first. Raises Refused.

        The store decides once more in its transaction, with what is found out here.
        """
        refuse_key(press.reason)
        job = await self._store.find(press.reference)
        if job is None:
            raise Refused("question_gone")
        # The click may be faster than our record of where the message stands.
        termination = replace(
            job.termination,
            posting=replace(job.termination.posting, message=job.termination.posting.message or seen_at),
        )
        settings = await self._authority.settings(termination.request.team, termination.request.channel)
        verdicts, approval = await asyncio.gather(
            self._verdicts(press, termination, settings),
            self._authority.approval_at_click(termination, settings),
        )
        authorized = replace(
            press,
            may=frozenset(role for role, found in (verdicts or {}).items() if found.allowed),
            approval=approval,
            break_glass=settings.break_glass,
        )
        dialog = self._dialog(authorized, termination, settings)
        # Where the reason comes with the dialog, the click is looked at as if it were there.
        looked_at = replace(authorized, reason=authorized.reason or "-") if dialog else authorized
        await self._look(replace(job, termination=termination), looked_at, settings, verdicts)
        if dialog:
            return dialog
        if settings.type_last_four and press.choice in (Choice.FORCE, Choice.BREAK_GLASS):
            _check_typed(authorized, termination)
        return authorized

    async def _verdicts(
        self, press: Press, termination: Termination, settings: ChannelSettings
    ) -> Mapping[Role, Verdict] | None:
        """Tell what the person may, as far as it is at stake; None: Slack cannot say who it is."""
        role = role_at_stake(termination, press)
        if role is None:
            # What harms nobody does not wait for Slack.
            return {}
        actor = Actor(
            user=press.user,
            home=press.team,
            place=termination.request.team,
            channel=termination.request.channel,
        )
        try:
            return {role: await self._authority.verdict(actor, settings, role, within_seconds=CLICK_SECONDS)}
        except FactsUnavailable:
            return None

    async def _look(
        self,
        job: Job,
        press: Press,
        settings: ChannelSettings,
        verdicts: Mapping[Role, Verdict] | None,
    ) -> None:
        """Refuse what the store would refuse, with the words that only we have."""
        try:
            decide(job.termination, job.phase, press, await self._store.now())
        except Refused as refused:
            approvers = tuple(settings.approve.words)
            if refused.reply == "own_press":
                raise Refused("own_press", approvers=approvers) from None
            if refused.reply != "not_granted":
                raise
            if verdicts is None:
                raise Refused("press_again") from None
            raise verdicts[Role(str(refused.detail["role"]))].refused() from None
        lacks_reason = settings.force_needs_reason and not job.termination.request.reason
        if lacks_reason and press.choice in (Choice.FORCE, Choice.ESCALATE):
            raise Refused("reason_needed")

    @staticmethod
    def _dialog(press: Press, termination: Termination, settings: ChannelSettings) -> Dialog | None:
        # What comes from a dialog has something typed, though it may be empty.
        if press.typed is not None or press.choice not in (Choice.FORCE, Choice.BREAK_GLASS):
            return None
        if press.choice is Choice.FORCE and not settings.type_last_four:
            return None
        return Dialog(press, termination, settings.type_last_four)


def _check_typed(press: Press, termination: Termination) -> None:
    if (press.typed or "").strip().casefold() != termination.request.workflow_id[-4:].casefold():
        raise Refused("last_four_differ")
