"""People who type commands and press buttons, at the worst moments, whatever becomes of the bot."""

import asyncio
import contextlib
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from chaos.plan import Plan
from replicas.cluster import Cluster

from bot.channels.keys import Keys
from bot.messages.termination import FORCE_TERMINATE, KEEP_RUNNING
from bot.store.opening import open_store, open_vault
from sandbox.slack import Channel, Message
from sandbox.vibecode import Step

CONFIRMATION_SECONDS = 3
_WAITING = (Step(36_000, locked=False),)
_TROUBLES: tuple[dict[str, Any], ...] = (
    {"what": "RATE_LIMITED", "retry_after": 1.0},
    {"what": "BITRIX_UNAVAILABLE"},
    {"what": "BITRIX_UNAVAILABLE", "executes": True},
    {"what": "QUEUE_TIMEOUT", "retry_after": 0.5},
    {"what": "hang"},
    {"what": "hang", "executes": True},
    {"what": "drop", "executes": True},
    {"what": "drop"},
    {"what": "html"},
)


@dataclass
class Traffic:
    """What was asked for, and which of it was acknowledged."""

    bots: Cluster
    plan: Plan
    dice: random.Random
    acked: set[str] = field(default_factory=set)
    asked: int = 0
    unacknowledged: Counter[str] = field(default_factory=Counter)
    _channels: list[Channel] = field(default_factory=list)

    async def flow(self) -> None:
        """Send the plan's commands, one after the other, however long each takes."""
        await self._open_channels()
        async with asyncio.TaskGroup() as people:
            for _ in range(self.plan.commands):
                people.create_task(self._person())
                await asyncio.sleep(self.dice.expovariate(self.plan.per_second))

    async def _open_channels(self) -> None:
        work = self.bots.work
        self._channels = [work.slack.add_channel(f"ops-{number}") for number in range(self.plan.channels)]
        store = await open_store(work.settings.database_url, owner="test", shared=True)
        try:
            keys = Keys(store, open_vault(work.settings))
            for channel in self._channels:
                await keys.set(work.slack.team, channel.id, work.key, None, by="shell:test")
        finally:
            await store.close()

    async def _person(self) -> None:
        work, dice = self.bots.work, self.dice
        force = dice.random() < self.plan.forced
        instance = work.vibecode.start_instance(steps=_WAITING, stuck=force)
        if dice.random() < self.plan.troubled:
            work.vibecode.script(**dice.choice(_TROUBLES), instance=instance, method="DELETE")
        if dice.random() < self.plan.troubled / 2:
            work.vibecode.script(dice.choice(["BITRIX_UNAVAILABLE", "RATE_LIMITED"]), method="GET")
        if dice.random() < self.plan.troubled:
            self._trouble_slack()
        channel = dice.choice(self._channels)
        text = f"{instance} {'force ' if force else ''}loops"
        self.asked += 1
        delivery = await work.slack.command(work.requester, channel, "/terminate-workflow", text)
        if delivery.ok and delivery.json == {}:
            self.acked.add(instance)
        else:
            self.unacknowledged[delivery.error or delivery.json.get("text", "")[:60]] += 1
        if force:
            # What was not acknowledged may have been recorded all the same.
            await self._answer(instance, channel, patience=15 if instance in self.acked else 3)

    def _trouble_slack(self) -> None:
        slack, kind = self.bots.work.slack, self.dice.randrange(4)
        if kind == 0:
            slack.fail("chat.postMessage", "ratelimited", retry_after=1)
        elif kind == 1:
            slack.fail("chat.postMessage", "drop_after")
        elif kind == 2:
            slack.fail("chat.update", "internal_error", status=500)
        else:
            slack.fail("chat.update", "drop_after")

    async def _answer(self, instance: str, channel: Channel, *, patience: float) -> None:
        """Press a button at once, or just when the question expires; often twice, or both buttons."""
        work = self.bots.work

        def question() -> Message | None:
            found = work.slack.channel_messages(channel)
            return next((m.snapshot() for m in found if instance in m.text and m.blocks), None)

        with contextlib.suppress(TimeoutError):
            message = await work.slack.wait_for(question, patience)
            if self.dice.random() < 0.7:
                asked_at = float(message.ts)
                await asyncio.sleep(
                    max(
                        0.0,
                        asked_at
                        + CONFIRMATION_SECONDS
                        + self.dice.uniform(-0.3, 0.2)
                        - work.slack.workspace.clock(),
                    )
                )
            buttons = self.dice.choices([FORCE_TERMINATE, KEEP_RUNNING], [3, 1], k=2)
            await asyncio.gather(*(self._press(message, button) for button in buttons))

    async def _press(self, message: Message, button: str) -> None:
        # The question may show its outcome already.
        with contextlib.suppress(LookupError):
            await self.bots.work.slack.click(self.bots.work.requester, message, button)
