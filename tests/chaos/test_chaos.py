"""Everything goes wrong at once, for a while: no command is lost, repeated unnoticed or told twice."""

import asyncio
import logging
import os
import random
import sqlite3
from contextlib import closing, suppress
from typing import Any

import pytest
from chaos.fate import Fate
from chaos.plan import LONG, SHORT
from chaos.traffic import CONFIRMATION_SECONDS, Traffic
from chaos.verdict import judge, open_terminations
from replicas.cluster import cluster
from replicas.stories import replicated
from workspace import workspace

from bot.domain.errors import StoreError
from sandbox.slack.rate_limits import RateLimits

log = logging.getLogger(__name__)

CHAOS = os.environ.get("CHAOS", "")
PLAN = LONG if CHAOS == "long" else SHORT
SETTINGS: dict[str, Any] = {
    "haltbot_confirmation_seconds": CONFIRMATION_SECONDS,
    "haltbot_watch_seconds": 0,
    "vibecode_timeout_seconds": 2,
    "haltbot_vibecode_rate": 500,
}
pytestmark = pytest.mark.skipif(
    CHAOS not in ("short", "long"), reason="left out: CHAOS=short or CHAOS=long asks for it"
)


async def run(bots, restart_database=None):
    """Let it happen, let it come to rest, and judge; CHAOS_SEED throws the same dice again."""
    seed = int(os.environ.get("CHAOS_SEED") or random.randrange(10**6))
    dice = random.Random(seed)
    slack = bots.work.slack
    slack._web_api._limits = RateLimits(slack.workspace.clock)
    traffic, fate = Traffic(bots, PLAN, dice), Fate(bots, PLAN, dice, restart_database)
    stop = asyncio.Event()
    striking = asyncio.create_task(fate.strike(stop))
    await traffic.flow()
    stop.set()
    await striking
    slack.stop_failing()
    bots.work.vibecode.stop_failing()
    await at_rest(bots)
    verdict = await judge(bots, traffic.acked)
    log.warning(
        "seed %s: %s of %s acknowledged (not: %s), %s terminations (%s); %s kills, %s freezes, %s restarts of the"
        " database; %s called twice, %s flagged",
        seed,
        len(traffic.acked),
        traffic.asked,
        dict(traffic.unacknowledged),
        verdict.terminations,
        dict(verdict.outcomes),
        fate.kills,
        fate.freezes,
        fate.restarts,
        verdict.repeated,
        verdict.flagged,
    )
    for promise, notes in verdict.broken.items():
        for note in notes:
            log.error("%s: %s", promise, note)
            for replica in bots.replicas:
                log.error("%s", "".join(line for line in replica.log if note.split()[0] in line))
    assert {} == verdict.broken, f"seed {seed}"
    # A busy machine acknowledges fewer in Slack's three seconds; enough must have been for this to say anything.
    assert len(traffic.acked) > PLAN.commands / 6
    return fate


async def at_rest(bots):
    """Wait until nothing is under way; a question of the last moment expires, a lease ends."""
    async with asyncio.timeout(PLAN.settle_seconds):
        while True:
            with suppress(StoreError):
                if await open_terminations(bots) == 0:
                    return
            await asyncio.sleep(0.5)


async def test_three_replicas_on_postgres(postgres_server, tmp_path):
    """Killed, frozen for longer than the lease, and with a database that is restarted under them."""
    async with replicated(postgres_server, "chaos", tmp_path, "http", replicas=3, **SETTINGS) as bots:
        fate = await run(bots, lambda: asyncio.to_thread(postgres_server.restart))

    assert fate.kills > 0
    assert fate.freezes > 0
    assert fate.restarts > 0


async def test_one_process_on_sqlite(tmp_path):
    """Killed again and again, it goes on where it was, and its file stays whole."""
    async with (
        workspace(tmp_path, start=False, **SETTINGS) as work,
        cluster(work, tmp_path, replicas=1, balanced=False) as bots,
    ):
        fate = await run(bots)

    assert fate.kills > 0
    with closing(sqlite3.connect(tmp_path / "haltbot.db")) as database:
        assert ("ok",) == database.execute("PRAGMA integrity_check").fetchone()
