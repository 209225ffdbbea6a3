"""How much the watches ask of Vibecode, and how soon a question is on screen, with 10,000 running instances."""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bot.domain.command import COMMAND
from sandbox.vibecode import Step
from sandbox.world import World, open_world

INSTANCES = 10_000
WATCHES = 50
RUNS = 20
SECONDS = 60
LIMIT_MS = 300
LIMIT_PER_SECOND = 1.0


async def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        async with open_world(Path(folder), haltbot_watch_seconds=600) as world:
            world.vibecode.start_many(INSTANCES, steps=[Step(36_000)])
            world.vibecode.churn(5)
            await world.start()
            questions = [await _question_ms(world) for _ in range(RUNS)]
            per_second = await _watch(world)
    median = statistics.median(questions)
    print("| with 10,000 running instances | measured | to reach |\n|---|---|---|")
    print(f"| the question is on screen after (median of {RUNS}) | {median:.0f} ms | ≤ {LIMIT_MS} ms |")
    print(
        f"| list requests of {WATCHES} watches, per second and key, over {SECONDS} s"
        f" | {per_second:.2f} | < {LIMIT_PER_SECOND:.0f} |"
    )
    return 0 if median <= LIMIT_MS and per_second < LIMIT_PER_SECOND else 1


async def _question_ms(world: World) -> float:
    instance = world.vibecode.start_instance()
    begun = time.perf_counter()
    await world.slack.command(world.requester, world.channel, COMMAND, f"{instance} force")
    await world.slack.wait_for(
        lambda: any(instance in message.text for message in world.slack.channel_messages(world.channel))
    )
    return (time.perf_counter() - begun) * 1000


async def _watch(world: World) -> float:
    """Watch 50 instances that do not end; count what is asked once all of them are being watched."""
    for number in range(WATCHES):
        instance = world.vibecode.start_instance(template=str(number), stuck=True)
        await world.slack.command(world.requester, world.channel, COMMAND, instance)
    await world.slack.wait_for(
        lambda: sum("*Accepted" in m.text for m in world.slack.channel_messages(world.channel)) >= WATCHES,
        120,
    )
    before = _lists(world)
    await asyncio.sleep(SECONDS)
    return (_lists(world) - before) / SECONDS


def _lists(world: World) -> int:
    return sum(call.method == "GET" for call in world.vibecode.calls)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
