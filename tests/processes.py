"""The command ``haltbot`` as a real process, with an environment of its own."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from tempfile import TemporaryFile

from forking import Fork, fork
from pydantic import SecretStr
from workspace import Workspace

from bot.config.settings import Settings

FINISH_SECONDS = 60
_LISTENING = re.compile(r"Listening on http://[\d.]+:(\d+)")


@dataclass(frozen=True)
class Finished:
    """How a process ended and what it said."""

    code: int
    out: str
    err: str


async def haltbot(*arguments: str, stdin: str = "", environment: Mapping[str, str] | None = None) -> Finished:
    """Run the command to its end."""
    environment = environment or {}
    with TemporaryFile() as given:
        given.write(stdin.encode())
        given.seek(0)
        # Python itself reads some of its environment when it starts.
        anew = any(name.startswith("PYTHON") for name in environment)
        start = _start_anew if anew else fork
        process = await start(arguments, os.environ | environment, stdin=given.fileno())
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(FINISH_SECONDS):
            out, err = await asyncio.gather(process.stdout.read(), process.stderr.read())
            code = await process.wait()
    finally:
        await _end(process)
    return Finished(code, out.decode(), err.decode())


@dataclass
class Running:
    """A bot that runs as a process; what it logs is kept."""

    process: Fork
    log: list[str] = field(default_factory=list)
    _reading: asyncio.Task[None] | None = None

    async def listening(self) -> int:
        """Wait for the port on which it listens, and go on reading its log."""
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
        while line := await self.process.stderr.readline():
            self.log.append(line.decode())


@contextlib.asynccontextmanager
async def running_bot(work: Workspace, **environment: str) -> AsyncIterator[Running]:
    """Run ``haltbot run`` for a workspace whose own bot is not started; Slack can reach it."""
    process = await fork(["run"], os.environ | variables(work.settings) | environment)
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


async def _start_anew(
    arguments: Sequence[str], environment: Mapping[str, str], *, stdin: int
) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", *arguments, stdin=stdin, stdout=pipe, stderr=pipe, env=environment
    )


async def _end(process: Fork | asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
        async with asyncio.timeout(FINISH_SECONDS):
            await process.wait()
