"""(e) Two thousand terminations under watch: what they cost, and what a command beside them notices."""

import asyncio
from pathlib import Path

from contenders import HALTBOT, running
from figures import Figures, Plan
from load import Sender, at_a_rate
from outside import Outside


async def measure(figures: Figures, plan: Plan, outside: Outside, folder: Path) -> None:
    watches, seconds = plan.of(2000, 200), plan.of(10, 3)
    before, outside.running = outside.running, [f"7f{n:012x}.{n:08d}" for n in range(watches)]
    async with running(HALTBOT, outside, folder / "watches", HALTBOT_WATCH_SECONDS="600") as bot:
        sender = Sender(bot, outside)
        alone = await at_a_rate(sender.acknowledged, per_second=20, seconds=seconds)
        left = iter(enumerate(outside.running))

        async def watch() -> None:
            for number, workflow_id in left:
                told = outside.expect(workflow_id)
                await sender.send(workflow_id, number=number)
                await told

        await asyncio.gather(*(watch() for _ in range(16)))
        await asyncio.sleep(1)
        used, asked = bot.cpu_seconds(), outside.requests
        await asyncio.sleep(seconds)
        used, asked = bot.cpu_seconds() - used, outside.requests - asked
        beside = await at_a_rate(sender.acknowledged, per_second=20, seconds=seconds)
        sender.close()
    outside.running = before
    name = f"{watches:,} watches"
    figures.add("watches: share of a core, %", name, used / seconds * 100)
    figures.add("watches: requests per second to Vibecode (64 keys)", name, asked / seconds)
    figures.add("watches: ack p50 of a command, ms", "none", alone.p50)
    figures.add("watches: ack p50 of a command, ms", name, beside.p50)
    figures.add("watches: ack p99 of a command, ms", "none", alone.p99)
    figures.add("watches: ack p99 of a command, ms", name, beside.p99)
