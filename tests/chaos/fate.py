"""What befalls the processes: killed, frozen, and the database restarted under them."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from chaos.plan import Plan
from replicas.cluster import Cluster, NotStarted, Replica

LONG_SECONDS = 17.0
"""Longer than the lease, so that somebody else has taken over."""

_STARTS = 10


@dataclass
class Fate:
    """Strikes at random until it is told to stop; then everybody is up again."""

    bots: Cluster
    plan: Plan
    dice: random.Random
    restart_database: Callable[[], Awaitable[None]] | None
    kills: int = 0
    freezes: int = 0
    restarts: int = 0
    _busy: set[int] = field(default_factory=set)

    async def strike(self, stop: asyncio.Event) -> None:
        """Go on until ``stop`` is set, then let what was begun end."""
        async with asyncio.TaskGroup() as blows:
            blows.create_task(self._restart_now_and_then(stop))
            if len(self.bots.replicas) > 1:
                blows.create_task(self._freeze_for_long(stop))
            while not await _over(stop, self.dice.uniform(*self.plan.pause_seconds)):
                free = [n for n in range(len(self.bots.replicas)) if n not in self._busy]
                # One of several stays up, so that commands are taken in.
                if len(free) > (1 if len(self.bots.replicas) > 1 else 0):
                    blows.create_task(self._befall(self.dice.choice(free)))

    async def _befall(self, number: int) -> None:
        self._busy.add(number)
        try:
            replica = self.bots.replicas[number]
            if self.dice.random() < 0.65:
                await replica.kill()
                self.kills += 1
                await self._start(replica)
            else:
                await self._freeze(replica, self.dice.uniform(0.3, 4.0))
        finally:
            self._busy.discard(number)

    async def _start(self, replica: Replica) -> None:
        """Be its supervisor: a bot that finds its database away at the start ends, and is started again."""
        for _ in range(_STARTS):
            try:
                return await replica.start()
            except NotStarted as ended:
                reason = ended
        raise reason

    async def _freeze(self, replica: Replica, seconds: float) -> None:
        replica.freeze()
        self.freezes += 1
        await asyncio.sleep(seconds)
        replica.thaw()

    async def _freeze_for_long(self, stop: asyncio.Event) -> None:
        length = self.plan.commands / self.plan.per_second / self.plan.long_freezes
        for _ in range(self.plan.long_freezes):
            if await _over(stop, max(1.0, self.dice.uniform(0.1, 0.2) * length)):
                return
            if free := [n for n in range(len(self.bots.replicas)) if n not in self._busy]:
                number = self.dice.choice(free)
                self._busy.add(number)
                await self._freeze(self.bots.replicas[number], LONG_SECONDS)
                self._busy.discard(number)
            if await _over(stop, max(0.0, 0.8 * length - LONG_SECONDS)):
                return

    async def _restart_now_and_then(self, stop: asyncio.Event) -> None:
        if self.restart_database is None:
            return
        length = self.plan.commands / self.plan.per_second / (self.plan.database_restarts + 1)
        for _ in range(self.plan.database_restarts):
            if await _over(stop, length):
                return
            await self.restart_database()
            self.restarts += 1


async def _over(stop: asyncio.Event, seconds: float) -> bool:
    """Wait so long, or until it is over, and tell which."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True
