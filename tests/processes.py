"""The command ``haltbot`` as a real process, with an environment of its own."""

import asyncio
import atexit
import contextlib
import functools
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from pydantic import SecretStr
from workspace import Workspace

from bot.config.settings import Settings

FINISH_SECONDS = 60
FORKS = Path(__file__).with_name("forks.py")
_LONGEST_LINE = 2**24
"""Whoever reads a log must not stumble over a line: the process would wait for ever for somebody to read on."""
_LISTENING = re.compile(r"Listening on http://[\d.]+:(\d+)")


@dataclass(frozen=True)
class Finished:
    """How a process ended and what it said."""

    code: int
    out: str
    err: str


async def haltbot(*arguments: str, stdin: str = "", environment: Mapping[str, str] | None = None) -> Finished:
    """Run the command to its end."""
    given = environment or {}
    if any(name.startswith("PYTHON") for name in given):
        # Python itself reads that when it starts.
        return await _run_anew(*arguments, stdin=stdin, environment=given)
    return await asyncio.to_thread(_forks().run, arguments, stdin, os.environ | given)


async def _run_anew(*arguments: str, stdin: str, environment: Mapping[str, str]) -> Finished:
    process = await _start(*arguments, environment=environment)
    try:
        async with asyncio.timeout(FINISH_SECONDS):
            out, err = await process.communicate(stdin.encode())
    finally:
        await _end(process)
    assert process.returncode is not None
    return Finished(process.returncode, out.decode(), err.decode())


class Forks:
    """A process that has loaded ``haltbot`` and forks for each command: see forks.py."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen([sys.executable, str(FORKS)], stdin=theirs.fileno())
        self._starting = threading.Lock()

    def run(self, arguments: Sequence[str], stdin: str, environment: Mapping[str, str]) -> Finished:
        with TemporaryFile() as given, TemporaryFile() as out, TemporaryFile() as err:
            given.write(stdin.encode())
            given.seek(0)
            process, code = self._start(arguments, environment, given, out, err)
            with code:
                if not select.select([code], [], [], FINISH_SECONDS)[0]:
                    os.kill(process, signal.SIGKILL)
                    raise TimeoutError
                # Nothing where it was killed; the end of what is told is the end of the process.
                told = code.read().decode()
            out.seek(0)
            err.seek(0)
            return Finished(int(told or -signal.SIGKILL), out.read().decode(), err.read().decode())

    def _start(
        self, arguments: Sequence[str], environment: Mapping[str, str], *streams: IO[bytes]
    ) -> tuple[int, IO[bytes]]:
        """Returns the number of the process, and where it tells its exit code."""
        command = {"arguments": arguments, "environment": dict(environment), "folder": str(Path.cwd())}
        code, telling = os.pipe()
        try:
            with self._starting:
                descriptors = [*(stream.fileno() for stream in streams), telling]
                socket.send_fds(self._control, [json.dumps(command).encode()], descriptors)
                return int(self._control.recv(100)), os.fdopen(code, "rb")
        finally:
            os.close(telling)

    def end(self) -> None:
        self._control.close()
        self._process.wait(FINISH_SECONDS)


@functools.cache
def _forks() -> Forks:
    forks = Forks()
    atexit.register(forks.end)
    return forks


@dataclass
class Running:
    """A bot that runs as a process; what it logs is kept."""

    process: asyncio.subprocess.Process
    log: list[str] = field(default_factory=list)
    _reading: asyncio.Task[None] | None = None

    async def listening(self) -> int:
        """Wait for the port on which it listens, and go on reading its log."""
        assert self.process.stderr is not None
        async with asyncio.timeout(FINISH_SECONDS):
            while line := (await self.process.stderr.readline()).decode():
                self.log.append(line)
                if found := _LISTENING.search(line):
                    self._reading = asyncio.create_task(self._read())
                    return int(found[1])
        raise AssertionError("".join(self.log))

    async def stop(self, number: signal.Signals) -> int:
        """Send a signal, wait for the end, and return the exit code."""
        self.process.send_signal(number)
        return await self.ended()

    async def ended(self) -> int:
        """Wait for the end, which comes by itself, and return the exit code."""
        async with asyncio.timeout(FINISH_SECONDS):
            code = await self.process.wait()
            if self._reading is not None:
                await self._reading
        return code

    async def _read(self) -> None:
        assert self.process.stderr is not None
        while line := await self.process.stderr.readline():
            self.log.append(line.decode())


@contextlib.asynccontextmanager
async def running_bot(work: Workspace, **environment: str) -> AsyncIterator[Running]:
    """Run ``haltbot run`` for a workspace whose own bot is not started; Slack can reach it."""
    process = await _start("run", environment=variables(work.settings) | environment)
    running = Running(process)
    try:
        port = await running.listening()
        if work.settings.socket_mode:
            await work.slack.wait_connected()
        else:
            work.slack.deliver_by_http(f"http://127.0.0.1:{port}/slack/events")
        yield running
    finally:
        await _end(process)


def variables(settings: Settings) -> dict[str, str]:
    """Write settings as the environment that gives them."""
    written = {}
    for name, value in settings:
        if value is not None:
            written[name.upper()] = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    return written


async def _start(*arguments: str, environment: Mapping[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | environment,
        limit=_LONGEST_LINE,
    )


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
        async with asyncio.timeout(FINISH_SECONDS):
            await process.wait()
