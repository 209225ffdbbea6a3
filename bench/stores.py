"""(d) The store alone, from a thousand rows to a million: an acknowledgement, a claim, a question to the audit."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from contenders import BENCH, SERVER_CORE
from figures import Figures, Plan
from postgres import find_binaries, postgres
from shim import delays_ms, slowed

ROWS = (1_000, 100_000, 1_000_000)
QUICK_ROWS = (1_000, 20_000)


async def measure(figures: Figures, plan: Plan, folder: Path, shim: Path | None) -> None:
    binaries = find_binaries()
    for delay in delays_ms(shim)[: plan.of(3, 1)]:
        slow = slowed(shim, delay)
        await _grow(figures, plan, "SQLite", f"sqlite:///{folder / f'{delay}.db'}", delay, slow)
        if binaries is not None and not plan.quick:
            with postgres(binaries, slow) as url:
                await _grow(figures, plan, "PostgreSQL", url, delay, slow)


async def _grow(
    figures: Figures, plan: Plan, database: str, url: str, delay: int, environment: Mapping[str, str]
) -> None:
    disk = f", flushes {delay} ms slower" if delay else ""
    for rows in QUICK_ROWS if plan.quick else ROWS:
        times = plan.of(100 if delay else 300, 100)
        command = [sys.executable, str(BENCH / "store_probe.py"), url, str(rows), str(times)]
        ended = await asyncio.to_thread(
            subprocess.run,
            ["taskset", "-c", str(SERVER_CORE), *command],
            cwd=BENCH.parent,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            check=True,
        )
        for what, milliseconds in json.loads(ended.stdout).items():
            figures.add(f"store, {rows:,} rows{disk}: {what}, ms", database, milliseconds)
