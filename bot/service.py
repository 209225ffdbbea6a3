"""The use cases: one method for each thing a person can do."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from bot.command import Order, Question, parse
from bot.domain import Event, Job, MessageRef, Phase, Press, Termination
from bot.errors import Refused, StoreError
from bot.ports import Duplicate, Store, Submitted, Vault

T = TypeVar("T")

ANSWERED = ("help", "status", "show")
"""The words of the command that stop nothing."""

RECORD_SECONDS = 2.0
"""How long the database may take before the person is told that nothing is certain; Slack waits 3 s."""

_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A slash command as a person sent it. ``delivery`` is the same when Slack delivers it again."""

    team: str
    channel: str
    user: str
    text: str
    delivery: str
    response_url: str | None


class Terminations:
    """Requests and decides terminations; what is on disk then belongs to the worker."""

    def __init__(
        self, store: Store, vault: Vault, *, start: Callable[[Job], None], has_room: Callable[[], bool]
    ) -> None:
        self._store = store
        self._vault = vault
        self._start = start
        self._has_room = has_room

    async def request(self, command: Command) -> Question | Submitted | Duplicate:
        """Record a termination before anything else happens. Raises Refused, which is recorded too."""
        return await self._in_time(self._request(command))

    async def press(self, press: Press, *, seen_at: MessageRef, response_url: str | None) -> None:
        """Decide a question. Raises Refused, which is recorded too."""
        if response_url is not None:
            press = replace(press, response_url=self._vault.seal(response_url, press.reference))
        await self._in_time(self._press(press, seen_at))

    async def _request(self, command: Command) -> Question | Submitted | Duplicate:
        order: Order | None = None
        try:
            asked = parse(command.text)
            if isinstance(asked, Question):
                if asked.word not in ANSWERED:
                    raise Refused("unknown_word", word=asked.word)
                return asked
            order = asked
            if not await self._store.channel_key(command.team, command.channel):
                raise Refused("no_key", team=command.team, channel=command.channel)
        except Refused as refused:
            await self._store.record(_refusal(command, order, refused))
            raise
        return await self._submit(command, order)

    async def _press(self, press: Press, seen_at: MessageRef) -> None:
        try:
            job = await self._store.decide(press, seen_at=seen_at, run_here=self._has_room())
        except Refused as refused:
            await self._store.record(_refused_press(press, refused))
            raise
        if job.owner is not None:
            self._start(job)

    async def _submit(self, command: Command, order: Order) -> Submitted | Duplicate:
        reference = new_reference()
        sealed = self._vault.seal(command.response_url, reference) if command.response_url else None
        termination = Termination(
            id=reference,
            team=command.team,
            channel=command.channel,
            user=command.user,
            workflow_id=order.workflow_id,
            force=order.force,
            reason=order.reason,
            requested_at=0,
            response_url=sealed,
        )
        phase = Phase.AWAITING_CONFIRMATION if order.force else Phase.REQUESTED
        submitted = await self._store.submit(
            termination,
            phase,
            idem=f"command {command.team} {command.delivery}",
            run_here=self._has_room(),
        )
        if isinstance(submitted, Submitted) and submitted.job:
            self._start(submitted.job)
        return submitted

    async def _in_time(self, work: Awaitable[T]) -> T:
        try:
            # Shielded: what is recorded too late for its acknowledgement is carried out all the same.
            return await asyncio.wait_for(asyncio.shield(work), RECORD_SECONDS)
        except (TimeoutError, StoreError) as trouble:
            raise Refused("not_recorded") from trouble


def new_reference() -> str:
    """Make an unguessable reference that can be read out on the phone: 12 of 31 unmistakable characters."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(12))


def _refusal(command: Command, order: Order | None, refused: Refused) -> Event:
    return Event(
        event="refused",
        team=command.team,
        channel=command.channel,
        user=command.user,
        workflow_id=order.workflow_id if order else None,
        force=order.force if order else False,
        reason=order.reason if order else "",
        outcome=f"refused:{refused.reply}",
    )


def _refused_press(press: Press, refused: Refused) -> Event:
    return Event(
        event="refused",
        team=press.team,
        channel=press.channel,
        user=press.user,
        reference=press.reference,
        outcome=f"refused:{refused.reply}",
        detail={"choice": press.choice},
    )
