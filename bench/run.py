"""Measures Haltbot beside what people write instead of it, and writes bench/results.md and the pictures."""

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import acks
import jobs
import pictures
import report
import stores
import watches
from contenders import BENCH, LOAD_CORE
from figures import Figures, Plan
from outside import Outside
from shim import build_shim

PARTS = ("acks", "jobs", "presence", "stores", "watches")
RUNNING = 5
"""So many instances stand in the list that is read after each DELETE."""


async def measure(plan: Plan, parts: list[str]) -> Figures:
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="haltbot-bench-") as name:
        folder = Path(name)
        shim = build_shim(folder)
        async with Outside(running=[f"6e{n:012x}.{n:08d}" for n in range(RUNNING)]) as outside:
            for part in parts:
                began = time.perf_counter()
                place = folder / part
                place.mkdir()
                match part:
                    case "acks":
                        await acks.measure(figures, plan, outside, place, shim)
                    case "jobs":
                        await jobs.measure(figures, plan, outside, place)
                    case "presence":
                        await jobs.measure_presence(figures, plan, outside, place)
                    case "stores":
                        await stores.measure(figures, plan, place, shim)
                    case "watches":
                        await watches.measure(figures, plan, outside, place)
                print(f"{part}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
            twice = [workflow_id for workflow_id, times in outside.deleted.items() if times > 1]
            figures.notes.append(
                f"{len(outside.deleted):,} instances were deleted, {len(twice):,} of them by more than one DELETE"
                " (those whose call was made to hang are repeated after a look)."
            )
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round, few commands, within a minute")
    parser.add_argument(
        "parts", nargs="*", choices=[*PARTS, []], help="measure these parts alone, and only print"
    )
    options = parser.parse_args()
    if (os.cpu_count() or 1) < 2 or shutil.which("taskset") is None:
        print(
            "Two cores and taskset are needed, so that the load does not disturb what it measures.",
            file=sys.stderr,
        )
        return 1
    # Before any thread or process is started, so that all of them inherit it.
    os.sched_setaffinity(0, {LOAD_CORE})
    began = time.perf_counter()
    figures = asyncio.run(measure(Plan(quick=options.quick), options.parts or list(PARTS)))
    text = report.write(figures, quick=options.quick, seconds=time.perf_counter() - began)
    print(text)
    if not options.parts and not options.quick:
        (BENCH / "results.md").write_text(text)
        pictures.draw(figures, BENCH.parent / "docs" / "pictures")
    return 0


if __name__ == "__main__":
    sys.exit(main())
