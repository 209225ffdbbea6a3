"""A PostgreSQL of the tests' own: found on the machine, started in a new directory, gone afterwards."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class NotInstalled(Exception):
    """This machine has no PostgreSQL server."""


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A server that is reached over a Unix socket, so that it needs no port."""

    binaries: Path
    directory: Path
    user: str | None
    """Whom it runs as, if not as us."""

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://haltbot@/{database}?host={self.directory}"

    def create(self) -> None:
        self._run("initdb", "-D", "data", "-U", "haltbot", "-A", "trust", "-E", "UTF8", "--no-sync")

    def start(self) -> None:
        # -F: no flush to the disk, for the tests' speed; a killed server still keeps what was committed.
        # -N: the replicas of all stories that are told at once have twelve connections each.
        options = f"-k {self.directory} -h '' -F -N 400"
        self._run("pg_ctl", "start", "-D", "data", "-l", "log", "-o", options, "-w")

    def stop(self, mode: str = "fast") -> None:
        """End it, and every connection with it; ``immediate`` is as good as a crash."""
        self._run("pg_ctl", "stop", "-D", "data", "-m", mode, "-w")

    def restart(self) -> None:
        self.stop("immediate")
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        identity: dict[str, Any] = {}
        if self.user is not None:
            identity = {"user": self.user, "group": pwd.getpwnam(self.user).pw_gid, "extra_groups": []}
        ended = subprocess.run(
            [self.binaries / program, *arguments],
            cwd=self.directory,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=120,
            **identity,
        )
        assert ended.returncode == 0, ended.stderr


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Raises NotInstalled."""
    # Not in pytest's own directory: the path of a socket may have only about a hundred characters.
    with tempfile.TemporaryDirectory(prefix="haltbot-postgres-") as directory:
        server = PostgresServer(_binaries(), Path(directory), _somebody_else())
        if server.user is not None:
            shutil.chown(directory, server.user)
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _binaries() -> Path:
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if pg_config := shutil.which("pg_config"):
        found = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=True)
        places.insert(0, Path(found.stdout.strip()))
    if initdb := shutil.which("initdb"):
        places.append(Path(initdb).parent)
    for place in places:
        if all((place / name).exists() for name in ("initdb", "pg_ctl", "postgres")):
            return place
    raise NotInstalled("PostgreSQL's server (initdb, pg_ctl, postgres) is not on this machine")


def _somebody_else() -> str | None:
    """Name a user who may run the server, which refuses to work for root."""
    if os.geteuid() != 0:
        return None
    return "postgres" if any(user.pw_name == "postgres" for user in pwd.getpwall()) else "nobody"
