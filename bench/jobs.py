"""(b) The whole job: from the command to the message that tells its end, and (c) what it costs to be there."""

import asyncio
import subprocess
import time
from pathlib import Path

from contenders import ALL, BENCH, DEFAULT, HALTBOT, PYTHON, SERVER_CORE, SHARED, TUNED, Contender, running
from figures import Figures, Plan
from load import Sender, at_once
from outside import Outside

AT_A_TIME = 16
_IMPORTS = {
    "Haltbot": "import bot.app, bot.cli.main",
    "Bolt, aiohttp and httpx": "import aiohttp.web, httpx, slack_bolt.async_app",
}


async def measure(figures: Figures, plan: Plan, outside: Outside, folder: Path) -> None:
    for number in range(plan.rounds):
        for contender in ALL:
            async with running(contender, outside, folder / f"{contender.name} jobs {number}") as bot:
                sender = Sender(bot, outside)
                await at_once(sender.outcome, total=plan.of(100, 20), at_a_time=AT_A_TIME)
                total = _how_many(contender, plan)
                used = bot.cpu_seconds()
                took, per_second = await at_once(sender.outcome, total=total, at_a_time=AT_A_TIME)
                # What is written after the message belongs to the job as well.
                await asyncio.sleep(0.05)
                used = bot.cpu_seconds() - used
                sender.close()
            figures.add("whole jobs: per second", contender.name, per_second)
            figures.add("whole jobs: CPU ms each", contender.name, used / total * 1000)
            figures.add("whole jobs: from command to outcome p50, ms", contender.name, took.p50)


async def measure_presence(figures: Figures, plan: Plan, outside: Outside, folder: Path) -> None:
    for number in range(plan.rounds):
        for contender in ALL:
            async with running(contender, outside, folder / f"{contender.name} start {number}") as bot:
                sender = Sender(bot, outside)
                await sender.acknowledged()
                took = (time.perf_counter() - bot.started) * 1000
                figures.add("cold start to the first acknowledgement, ms", contender.name, took)
                figures.add("memory after the first command, MB", contender.name, bot.resident_mb())
                sender.close()
        for name, statement in _IMPORTS.items():
            figures.add("import, ms", name, _import_ms(statement) - _import_ms("import asyncio"))
    await _memory(figures, plan, outside, folder)


async def _memory(figures: Figures, plan: Plan, outside: Outside, folder: Path) -> None:
    first, rest = plan.of(5_000, 500), plan.of(45_000, 1_500)
    async with running(HALTBOT, outside, folder / "memory") as bot:
        sender = Sender(bot, outside)
        await at_once(sender.outcome, total=first, at_a_time=64)
        before = bot.resident_mb()
        await at_once(sender.outcome, total=rest, at_a_time=64)
        after = bot.resident_mb()
        sender.close()
    figures.add(f"memory after {first:,} commands, MB", HALTBOT.name, before)
    figures.add(f"memory after {first + rest:,} commands, MB", HALTBOT.name, after)
    figures.add("memory: growth since the first tenth, MB", HALTBOT.name, after - before)


def _how_many(contender: Contender, plan: Plan) -> int:
    if contender is DEFAULT:
        return plan.of(48, 16)
    return plan.of(400, 100) if contender in (TUNED, SHARED) else plan.of(1000, 200)


def _import_ms(statement: str) -> float:
    began = time.perf_counter()
    subprocess.run(["taskset", "-c", str(SERVER_CORE), PYTHON, "-c", statement], cwd=BENCH.parent, check=True)
    return (time.perf_counter() - began) * 1000
