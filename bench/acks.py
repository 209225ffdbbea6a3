"""(a) How long Slack waits for its acknowledgement."""

import asyncio
from pathlib import Path

from contenders import (
    ALL,
    DEFAULT,
    HALTBOT,
    HALTBOT_SOCKET,
    RAW,
    SHARED,
    TUNED,
    TUNED_AIOHTTP,
    Contender,
    Running,
    running,
)
from figures import Figures, Plan
from load import Latencies, Sender, at_a_rate, at_once
from outside import Outside
from postgres import find_binaries, postgres
from shim import delays_ms, slowed

PAUSE_SECONDS = 0.005
STEADY = 200
HUNG = 200
SETTLED_SECONDS = 1.5


async def measure(figures: Figures, plan: Plan, outside: Outside, folder: Path, shim: Path | None) -> None:
    if shim is None:
        figures.notes.append("No C compiler was found: the slow disks are left out.")
    if find_binaries() is None:
        figures.notes.append("PostgreSQL's server is not on this machine: its figures are left out.")
    for number in range(plan.rounds):
        for contender in ALL:
            place = folder / f"{contender.name} {number}"
            async with running(contender, outside, place) as bot:
                await _idle_and_steady(figures, plan, outside, bot)
        for contender in (HALTBOT, HALTBOT_SOCKET, TUNED, SHARED, RAW):
            place = folder / f"{contender.name} acks {number}"
            async with running(contender, outside, place, ACK_ONLY="1") as bot:
                await _flooded(figures, plan, outside, bot)
        for contender in (HALTBOT, TUNED, TUNED_AIOHTTP):
            place = folder / f"{contender.name} hanging {number}"
            async with running(contender, outside, place) as bot:
                await _beside_hanging_calls(figures, plan, outside, bot)
        await _slow_disks(figures, plan, outside, folder / f"disks {number}", shim)


async def _idle_and_steady(figures: Figures, plan: Plan, outside: Outside, bot: Running) -> None:
    name = bot.contender.name
    sender = Sender(bot, outside)
    await at_once(sender.outcome, total=plan.of(50, 16), at_a_time=4)

    async def one_after_the_other() -> float:
        took, _ = await sender.told()
        # So that what the former command leaves to be written is not measured as a part of this one.
        await asyncio.sleep(PAUSE_SECONDS)
        return took

    took, _ = await at_once(
        one_after_the_other, total=plan.of(40 if bot.contender is DEFAULT else 100, 20), at_a_time=1
    )
    _add(figures, "one at a time, whole jobs", name, took)
    if bot.contender is not DEFAULT:
        # It carries out some 50 jobs a second: what waits would only pile up.
        took = await at_a_rate(sender.acknowledged, per_second=STEADY, seconds=plan.of(3, 1))
        _add(figures, f"{STEADY}/s, whole jobs", name, took)
    sender.close()


async def _flooded(figures: Figures, plan: Plan, outside: Outside, bot: Running) -> None:
    """Acknowledge as fast as it goes. No job is carried out: Haltbot's wait for a Vibecode that hangs."""
    sender = Sender(bot, outside, hanging=True)
    await at_once(sender.acknowledged, total=120, at_a_time=16)
    took, _ = await at_once(sender.acknowledged, total=plan.of(300, 100), at_a_time=1)
    for name in _with_the_same(bot.contender):
        _add(figures, "one at a time, acknowledgements alone", name, took)
    for at_a_time in (16, 64):
        took, per_second = await at_once(sender.acknowledged, total=plan.of(2000, 400), at_a_time=at_a_time)
        for name in _with_the_same(bot.contender):
            _add(figures, f"{at_a_time} at once, acknowledgements alone", name, took)
            figures.add(f"{at_a_time} at once, acknowledgements alone: per second", name, per_second)
    outside.let_go()
    sender.close()


async def _beside_hanging_calls(figures: Figures, plan: Plan, outside: Outside, bot: Running) -> None:
    name = bot.contender.name
    sender, stuck = Sender(bot, outside), Sender(bot, outside, hanging=True)
    await at_once(sender.outcome, total=50, at_a_time=4)
    seconds = plan.of(4, 2)
    idle = await at_a_rate(sender.acknowledged, per_second=50, seconds=seconds)
    _add(figures, "50/s, nothing else", name, idle)
    await at_once(stuck.acknowledged, total=HUNG, at_a_time=16)
    # Each of them has told by now that it is under way. Haltbot lets 50 of their calls hang at a time, the rest wait.
    await asyncio.sleep(SETTLED_SECONDS)
    beside = await at_a_rate(stuck.acknowledged, per_second=50, seconds=seconds)
    _add(figures, f"50/s, {HUNG} jobs hanging", name, beside)
    outside.let_go()
    for each in (sender, stuck):
        each.close()


async def _slow_disks(
    figures: Figures, plan: Plan, outside: Outside, folder: Path, shim: Path | None
) -> None:
    binaries = find_binaries()
    for delay in delays_ms(shim)[: plan.of(3, 2)]:
        slow = slowed(shim, delay)
        async with running(HALTBOT, outside, folder / f"slow {delay}", **slow) as bot:
            await _on_a_disk(figures, plan, outside, bot, "SQLite", delay)
        if binaries is not None and not plan.quick:
            with postgres(binaries, slow) as url:
                place = folder / f"slow postgres {delay}"
                async with running(HALTBOT, outside, place, DATABASE_URL=url) as bot:
                    await _on_a_disk(figures, plan, outside, bot, "PostgreSQL", delay)


async def _on_a_disk(
    figures: Figures, plan: Plan, outside: Outside, bot: Running, database: str, delay: int
) -> None:
    sender = Sender(bot, outside)
    await at_once(sender.outcome, total=20, at_a_time=4)
    took = await at_a_rate(sender.acknowledged, per_second=STEADY, seconds=plan.of(3, 1))
    what = f"{STEADY}/s, whole jobs, flushes {delay} ms slower"
    _add(figures, what, database, took)
    figures.add(f"{what}: refused, %", database, sender.refused / len(took.milliseconds) * 100)
    sender.close(in_time=False)


def _with_the_same(contender: Contender) -> list[str]:
    # The two forms of Bolt as it comes, and the two of Bolt tuned by hand, differ in nothing before the acknowledgement.
    forms = {SHARED.name: (SHARED, DEFAULT), TUNED.name: (TUNED, TUNED_AIOHTTP)}
    return [each.name for each in forms.get(contender.name, (contender,))]


def _add(figures: Figures, what: str, who: str, took: Latencies) -> None:
    figures.add(f"{what}: ack p50, ms", who, took.p50)
    figures.add(f"{what}: ack p99, ms", who, took.p99)
