"""A PostgreSQL of the benchmark's own, which flushes for real; gone afterwards."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from contenders import LOAD_CORE


def find_binaries() -> Path | None:
    """Find where initdb, pg_ctl and postgres are; None where they are not installed."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if initdb := shutil.which("initdb"):
        places.append(Path(initdb).parent)
    return next((place for place in places if (place / "postgres").exists()), None)


@contextmanager
def postgres(binaries: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """Run a server on the load's core, as it would run on another machine; yields the address of a database."""
    # Not in the run's own folder: the path of a socket may have only about a hundred characters.
    with tempfile.TemporaryDirectory(prefix="haltbot-bench-") as folder:
        identity: dict[str, Any] = {}
        if os.geteuid() == 0:
            # The server refuses to work for root.
            owner = next(
                (user for user in pwd.getpwall() if user.pw_name == "postgres"), pwd.getpwnam("nobody")
            )
            shutil.chown(folder, owner.pw_name, owner.pw_gid)
            identity = {"user": owner.pw_name, "group": owner.pw_gid, "extra_groups": []}

        def run(program: str, *arguments: str, **variables: str) -> None:
            subprocess.run(
                ["taskset", "-c", str(LOAD_CORE), binaries / program, *arguments],
                cwd=folder,
                env=os.environ | variables,
                stdout=subprocess.DEVNULL,
                check=True,
                **identity,
            )

        run("initdb", "-D", "data", "-U", "haltbot", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-k {folder} -h '' -c max_wal_size=4GB"
        run("pg_ctl", "start", "-D", "data", "-l", "log", "-o", options, "-w", **environment)
        try:
            yield f"postgresql://haltbot@/postgres?host={folder}"
        finally:
            run("pg_ctl", "stop", "-D", "data", "-m", "fast", "-w")
