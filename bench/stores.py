"""(d) The store alone, from a thousand rows to a million: an acknowledgement, a claim, a question to the audit."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from contenders import BENCH, SERVER_CORE
from figures import Figures, Plan
from postgres import find_binaries, postgres

ROWS = (1_000, 100_000, 1_000_000)
QUICK_ROWS = (1_000, 20_000)


async def measure(figures: Figures, plan: Plan, folder: Path) -> None:
    sizes = QUICK_ROWS if plan.quick else ROWS
    path = folder / "rows.db"
    await _grow(figures, plan, "SQLite", f"sqlite:///{path}", sizes)
    binaries = find_binaries()
    if binaries is not None and not plan.quick:
        with postgres(binaries, {}) as url:
            await _grow(figures, plan, "PostgreSQL", url, sizes)


async def _grow(figures: Figures, plan: Plan, database: str, url: str, sizes: tuple[int, ...]) -> None:
    for size in sizes:
        command = [sys.executable, str(BENCH / "store_probe.py"), url, str(size), str(plan.of(300, 100))]
        ended = await asyncio.to_thread(
            subprocess.run,
            ["taskset", "-c", str(SERVER_CORE), *command],
            cwd=BENCH.parent,
            stdout=subprocess.PIPE,
            check=True,
        )
        for what, milliseconds in json.loads(ended.stdout).items():
            figures.add(f"store, {size:,} rows: {what}, ms", database, milliseconds)
