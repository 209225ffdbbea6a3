"""What befalls replicas while they work; each story returns what was seen, for the tests to judge."""

import asyncio
import base64
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from pydantic import SecretStr
from replicas.cluster import Cluster, cluster
from store.postgres_server import PostgresServer
from workspace import workspace

from bot.messages.termination import FORCE_TERMINATE
from sandbox.vibecode import Step

OUTCOMES = ("*Stopped", "*Nothing to stop", "*Accepted", "*Unknown", "*Not stopped")
FROZEN_SECONDS = 20
TAKEN_OVER_SECONDS = 15.5
QUESTION_SECONDS = 12
BUSY = 6
"""Commands that are under way at once."""
WAITING = (Step(3600, locked=False),)


@asynccontextmanager
async def replicated(
    server: PostgresServer, database: str, folder: Path, mode: str, *, replicas: int, **settings: Any
) -> AsyncIterator[Cluster]:
    """A workspace on a database of its own, with so many replicas."""
    await asyncio.to_thread(_create, server, database)
    shared: dict[str, Any] = {
        "database_url": server.url(database),
        "haltbot_encryption_keys": SecretStr(base64.b64encode(secrets.token_bytes(32)).decode()),
    }
    async with (
        workspace(folder, mode=mode, start=False, **(shared | settings)) as work,
        cluster(work, folder, replicas=replicas, balanced=mode == "http") as opened,
    ):
        yield opened


def _create(server: PostgresServer, database: str) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{database}"')


@dataclass
class SuddenEnd:
    """What was seen of a replica that was killed and one that was frozen for 20 s, and of the one left."""

    instances: list[str]
    told: dict[str, list[str]] = field(default_factory=dict)
    told_before_thaw: dict[str, list[str]] = field(default_factory=dict)
    deletes: dict[str, int] = field(default_factory=dict)
    recovered: set[str] = field(default_factory=set)
    taken_over_after: list[float] = field(default_factory=list)
    forced: str = ""
    posts: int = 0
    acked_meanwhile_ms: list[float] = field(default_factory=list)


async def sudden_end(server: PostgresServer, database: str, folder: Path, mode: str) -> SuddenEnd:
    """Of three replicas one is killed and one frozen, both in the middle of their calls."""
    async with replicated(server, database, folder, mode, replicas=3) as bots:
        work, (killed, frozen, _) = bots.work, bots.replicas
        question = work.vibecode.start_instance(stuck=True)
        await bots.acked(f"{question} force deadlocks the CRM")
        await bots.all_told([question], ("*Force-terminate",), 60)
        work.vibecode.latency = 3.0
        seen = SuddenEnd(
            [work.vibecode.start_instance(steps=WAITING) for _ in range(3 * BUSY)], forced=question
        )
        await asyncio.gather(*(bots.acked(instance) for instance in seen.instances))
        await work.vibecode.wait_for(lambda: len(work.vibecode.deletes()) == len(seen.instances), 60)
        # In the middle of a call, not in the moment in which its lease begins.
        await asyncio.sleep(0.5)
        ended_at = time.time()
        frozen.freeze()
        await killed.kill()
        work.vibecode.latency = 0.0
        if mode == "http":
            # The balancer finds its way; over Socket Mode, Slack itself does not know that one is frozen.
            extra = [work.vibecode.start_instance(steps=WAITING) for _ in range(3)]
            seen.acked_meanwhile_ms = [await bots.acked(instance) for instance in extra]
            seen.instances += extra
            (message,) = [m for m in work.slack.channel_messages(work.channel) if question in m.text]
            clicked = await work.slack.click(work.requester, message, FORCE_TERMINATE)
            assert clicked.ok, (clicked.error, clicked.status, clicked.body, bots.replicas[2].log[-5:])
            await bots.all_told([question], ("*Stopped",), 60)
        await bots.all_told(seen.instances, OUTCOMES, 60)
        seen.told_before_thaw = {instance: bots.told(instance) for instance in seen.instances}
        await asyncio.sleep(max(0.0, FROZEN_SECONDS - (time.time() - ended_at)))
        frozen.thaw()
        # It has woken once it answers; what it had on its mind it has then done, or left.
        await asyncio.sleep(3)
        seen.told = {instance: bots.told(instance) for instance in seen.instances}
        seen.deletes = {instance: len(work.vibecode.deletes(instance)) for instance in seen.instances}
        lines = await bots.lines("recovered")
        seen.recovered = {str(line["workflow_id"]) for line in lines}
        seen.taken_over_after = [_seconds(str(line["at"])) - ended_at for line in lines]
        seen.posts = len([call for call in work.slack.calls_of("chat.postMessage") if call.ok])
        return seen


@dataclass
class ToldToStop:
    """What was seen of a replica that was asked to stop, and of the one left."""

    code: int
    stopped_after: float
    told_after: float
    recovered: int
    deletes: list[int]
    acked_meanwhile_ms: list[float]


async def told_to_stop(server: PostgresServer, database: str, folder: Path, mode: str) -> ToldToStop:
    """One of two replicas gets a SIGTERM while it calls, and while others of its jobs wait for their turn."""
    settings = {"haltbot_vibecode_rate": 4}
    async with replicated(server, database, folder, mode, replicas=2, **settings) as bots:
        work = bots.work
        work.vibecode.latency = 1.0
        instances = [work.vibecode.start_instance(steps=WAITING) for _ in range(BUSY)]
        await asyncio.gather(*(bots.acked(instance) for instance in instances))
        await work.vibecode.wait_for(work.vibecode.deletes, 60)
        began = time.monotonic()
        stopping = asyncio.create_task(bots.replicas[0].stop())
        extra = [work.vibecode.start_instance(steps=WAITING) for _ in range(3)]
        meanwhile = [await bots.acked(instance) for instance in extra]
        code = await stopping
        stopped_after = time.monotonic() - began
        await bots.all_told([*instances, *extra], OUTCOMES, 60)
        return ToldToStop(
            code=code,
            stopped_after=stopped_after,
            told_after=time.monotonic() - began,
            recovered=len(await bots.lines("recovered")),
            deletes=[len(work.vibecode.deletes(instance)) for instance in [*instances, *extra]],
            acked_meanwhile_ms=meanwhile,
        )


@dataclass
class WatchingOn:
    """What became of watches and of a question when one of two replicas was killed."""

    told_after: float
    expired_after: float
    deletes: list[int]
    calls_for_question: int
    messages: list[int]


async def watching_on(server: PostgresServer, database: str, folder: Path, mode: str) -> WatchingOn:
    """Nothing is being called: what waits belongs to nobody, so whoever is left goes on with it."""
    settings = {"haltbot_confirmation_seconds": QUESTION_SECONDS, "haltbot_watch_seconds": 120}
    async with replicated(server, database, folder, mode, replicas=2, **settings) as bots:
        work = bots.work
        # Their step executes, so that they go on after the soft stop.
        instances = [work.vibecode.start_instance(steps=[Step(3600), Step(3600)]) for _ in range(BUSY)]
        await asyncio.gather(*(bots.acked(instance) for instance in instances))
        await bots.all_told(instances, ("*Accepted",), 60)
        question = work.vibecode.start_instance(stuck=True)
        await bots.acked(f"{question} force deadlocks the CRM")
        await bots.all_told([question], ("*Force-terminate",), 60)
        asked_at = time.monotonic()
        await bots.replicas[0].kill()
        began = time.monotonic()
        for instance in instances:
            work.vibecode.finish(instance)
        await bots.all_told(instances, ("*Stopped",), 60)
        told_after = time.monotonic() - began
        await bots.all_told([question], ("*Expired",), 60)
        return WatchingOn(
            told_after=told_after,
            expired_after=time.monotonic() - asked_at,
            deletes=[len(work.vibecode.deletes(instance)) for instance in instances],
            calls_for_question=len(work.vibecode.deletes(question)),
            messages=[len(bots.told(instance)) for instance in [*instances, question]],
        )


@dataclass
class DatabaseStuck:
    """What a person reads while nothing can be recorded, and what became of the command."""

    said: str
    answered_ms: float
    told: list[str]
    deletes: int


async def database_stuck(server: PostgresServer, database: str, folder: Path, mode: str) -> DatabaseStuck:
    """Somebody has locked the table; the balancer must not hide what the replicas answer."""
    async with replicated(server, database, folder, mode, replicas=2) as bots:
        work = bots.work
        instance = work.vibecode.start_instance(steps=WAITING)
        async with await psycopg.AsyncConnection.connect(server.url(database)) as locking:
            await locking.execute("LOCK TABLE job IN ACCESS EXCLUSIVE MODE")
            delivery = await work.command(f"{instance} loops")
            assert delivery.ok, (delivery.error, delivery.status)
        await bots.all_told([instance], OUTCOMES, 60)
        return DatabaseStuck(
            said=delivery.json["text"],
            answered_ms=delivery.ack_ms,
            told=bots.told(instance),
            deletes=len(work.vibecode.deletes(instance)),
        )


@dataclass
class TakingTurns:
    """What was seen of two replicas that share a key's pace, its blocks and the channel's settings."""

    calls_at: list[float] = field(default_factory=list)
    per_second: float = 4.0
    silence: float = 0.0
    asked_for: float = 2.0
    before: list[bool] = field(default_factory=list)
    after: list[bool] = field(default_factory=list)
    whispers: list[str] = field(default_factory=list)


async def taking_turns(server: PostgresServer, database: str, folder: Path, mode: str) -> TakingTurns:
    """A key is taken away and set again; then it is used as fast as it may be; then it is blocked."""
    seen = TakingTurns()
    settings = {"haltbot_vibecode_rate": seen.per_second}
    async with replicated(server, database, folder, mode, replicas=2, **settings) as bots:
        work = bots.work
        await work.remove_key()
        for _ in range(4):
            delivery = await work.command(work.vibecode.start_instance(steps=WAITING))
            seen.before.append(delivery.ok and "no Vibecode API key" in str(delivery.json))
        await work.set_key(work.key)
        for _ in range(4):
            delivery = await work.command(work.vibecode.start_instance(steps=WAITING))
            seen.after.append(delivery.ok and not delivery.json)
        instances = [work.vibecode.start_instance(steps=WAITING) for _ in range(8)]
        await asyncio.gather(*(bots.acked(instance) for instance in instances))
        await bots.all_told(instances, OUTCOMES, 60)
        seen.calls_at = [call.at for call in work.vibecode.calls]
        work.vibecode.script("RATE_LIMITED", method="DELETE", retry_after=seen.asked_for)
        blocked = [work.vibecode.start_instance(steps=WAITING) for _ in range(4)]
        await bots.acked(blocked[0])
        refused = await work.vibecode.wait_for(
            lambda: [c for c in work.vibecode.calls if c.status == 429], 60
        )
        # Until the block is committed, the other replica may rightly call.
        await bots.recorded("try_failed", 60)
        await asyncio.gather(*(bots.acked(instance) for instance in blocked[1:]))
        await bots.all_told(blocked, OUTCOMES, 60)
        later = [call.at for call in work.vibecode.calls if call.at > refused[0].at]
        seen.silence = min(later) - refused[0].at
        return seen


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()
