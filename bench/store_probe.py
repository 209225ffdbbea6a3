"""Fills a store up to a number of rows and prints what its operations cost, as JSON. Run by stores.py."""

import asyncio
import contextlib
import json
import sqlite3
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

from bot.config.settings import sqlite_path
from bot.domain.audit import event
from bot.domain.job import Job, Transition
from bot.domain.termination import Outcome, Phase, Request, Termination
from bot.ports.store import Store, Submitted
from bot.store.opening import open_store
from bot.store.payload import encode

TERMINATION = Termination(
    id="",
    request=Request(
        team="T1",
        channel="C1",
        user="U1",
        workflow_id="6f00000000abcd.00000001",
        force=False,
        reason="it sent the same letter twice",
        requested_at=0,
    ),
)

_JOBS = """
INSERT INTO job (id, idem, twin, state, phase, payload, team, channel, workflow_id, due_at, fence,
                 created_at, updated_at)
SELECT 'row' || ((i * 2654435761) % 4294967296), 'row ' || i, 'row ' || i, 'done', 'done', {payload},
       'T1', 'C' || (i % 64), 'w' || i, i, 1, i, i
FROM {series}
"""
_EVENTS = """
INSERT INTO event (at, event, reference, team, channel, "user", workflow_id, force, reason, outcome, detail)
SELECT i, name, 'row' || ((i * 2654435761) % 4294967296), 'T1', 'C' || (i % 64), 'U1', 'w' || i, 0, '', NULL, '{{}}'
FROM {series}, {names}
"""
_NAMES = "(SELECT 'requested' AS name UNION ALL SELECT 'attempted' UNION ALL SELECT 'outcome') AS names"


async def main(url: str, rows: int, times: int) -> None:
    store = await open_store(url, owner="benchmark")
    await store.close()
    fill(url, rows)
    store = await open_store(url, owner="benchmark")
    try:
        numbers = iter(range(10**9))
        run = time.time_ns()

        async def acknowledge() -> None:
            name = f"{run} {next(numbers)}"
            with timed(acknowledgements):
                job = await submit(store, name, run_here=True)
            assert job is not None
            await finish(store, job)

        async def claim() -> None:
            await submit(store, f"{run} {next(numbers)}", run_here=False)
            with timed(claims):
                (job,) = await store.claim(1)
            await finish(store, job)

        async def ask() -> None:
            reference = f"row{(next(numbers) % rows * 2654435761) % 4294967296}"
            with timed(questions):
                assert [line async for line in store.events(reference=reference)]

        acknowledgements: list[float] = []
        claims: list[float] = []
        questions: list[float] = []
        for work in (acknowledge, claim, ask):
            for _ in range(times):
                await work()
        took = {"an acknowledgement": acknowledgements, "a claim": claims, "an audit query": questions}
        print(json.dumps({what: statistics.median(milliseconds) for what, milliseconds in took.items()}))
    finally:
        await store.close()


@contextlib.contextmanager
def timed(milliseconds: list[float]) -> Iterator[None]:
    began = time.perf_counter()
    yield
    milliseconds.append((time.perf_counter() - began) * 1000)


async def submit(store: Store, name: str, *, run_here: bool) -> Job | None:
    termination = replace(TERMINATION, id=name, request=replace(TERMINATION.request, workflow_id=name))
    submitted = await store.submit(termination, Phase.REQUESTED, idempotency_key=name, run_here=run_here)
    assert isinstance(submitted, Submitted)
    return submitted.job


async def finish(store: Store, job: Job) -> None:
    ended = replace(job.termination, result=replace(job.termination.result, outcome=Outcome.GONE_VERIFIED))
    done = Transition(termination=ended, phase=Phase.DONE, events=(event(ended, "outcome"),))
    assert await store.advance(job, done)


def fill(url: str, rows: int) -> None:
    """Add ended terminations until there are so many, with three lines of the audit each."""
    payload = encode(
        replace(TERMINATION, id="row", result=replace(TERMINATION.result, outcome=Outcome.GONE_VERIFIED))
    )
    path = sqlite_path(url)
    if path is None:
        fill_postgres(url, rows, payload)
        return
    db = sqlite3.connect(path)
    (have,) = db.execute("SELECT count(*) FROM job").fetchone()
    numbers = f"WITH RECURSIVE n(i) AS (SELECT {have} UNION ALL SELECT i + 1 FROM n WHERE i < {rows - 1})"
    db.execute("PRAGMA cache_size = -400000")
    db.execute(_JOBS.format(payload=":payload", series=f"({numbers} SELECT i FROM n)"), {"payload": payload})
    db.execute(_EVENTS.format(series=f"({numbers} SELECT i FROM n)", names=_NAMES))
    db.commit()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def fill_postgres(url: str, rows: int, payload: str) -> None:
    import psycopg  # noqa: PLC0415 -- an optional extra

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        (have,) = connection.execute("SELECT count(*) FROM job").fetchone() or (0,)
        series = f"generate_series({have}::bigint, {rows - 1}) AS series(i)"
        # A quoted literal instead of a parameter, since the statement is full of percent signs.
        literal = psycopg.sql.quote(payload)
        connection.execute(_JOBS.format(payload=literal, series=series).encode())
        connection.execute(_EVENTS.format(series=series, names=_NAMES).encode())
        connection.execute("VACUUM ANALYZE job")
        connection.execute("VACUUM ANALYZE event")
        connection.execute("CHECKPOINT")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
