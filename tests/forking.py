"""Processes of ``haltbot`` that are forked from one that has loaded it: see forks.py, which is that one."""

import asyncio
import atexit
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

_FORKS = Path(__file__).with_name("forks.py")
_END_SECONDS = 60
_LONGEST_LINE = 2**24
"""Whoever reads a log must not stumble over a line: the process would wait for ever for somebody to read on."""


class _Pipe(asyncio.StreamReaderProtocol):
    """What is read from a pipe, and when its other end was closed."""

    def __init__(self) -> None:
        self.reader = asyncio.StreamReader(limit=_LONGEST_LINE)
        self.closed = asyncio.Event()
        super().__init__(self.reader)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.closed.set()


class Fork:
    """A process as asyncio's, but a child of another one: it tells its exit code through a pipe."""

    def __init__(self, pid: int, out: _Pipe, err: _Pipe, told: _Pipe) -> None:
        self.pid = pid
        self.stdout, self.stderr = out.reader, err.reader
        self.returncode: int | None = None
        self._ending = asyncio.create_task(self._end(told, out, err))

    async def wait(self) -> int:
        return await asyncio.shield(self._ending)

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    async def _end(self, told: _Pipe, *others: _Pipe) -> int:
        # The end of what it tells is the end of the process; one that was killed has told nothing.
        self.returncode = int(await told.reader.read() or -signal.SIGKILL)
        for pipe in (told, *others):
            await pipe.closed.wait()
        return self.returncode


async def fork(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    stdin: int | None = None,
    folder: Path | None = None,
) -> Fork:
    """Start ``haltbot`` with these arguments and this environment alone, by default here and without input."""
    command = {"arguments": arguments, "environment": dict(environment), "folder": str(folder or Path.cwd())}
    (stdout, out), (stderr, err), (told, telling) = os.pipe(), os.pipe(), os.pipe()
    given = os.open(os.devnull, os.O_RDONLY) if stdin is None else os.dup(stdin)
    try:
        pid = await asyncio.to_thread(_forks().start, command, [given, out, err, telling])
    finally:
        for theirs in (given, out, err, telling):
            os.close(theirs)
    return Fork(pid, await _open(stdout), await _open(stderr), await _open(told))


class Forks:
    """The process that forks. It ends when this one does: nobody else has the other end of its socket."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen([sys.executable, str(_FORKS)], stdin=theirs.fileno())
        self._one_at_a_time = threading.Lock()

    def start(self, command: Mapping[str, object], descriptors: Sequence[int]) -> int:
        """Returns the number of the process that has these descriptors."""
        with self._one_at_a_time:
            socket.send_fds(self._control, [json.dumps(command).encode()], descriptors)
            return int(self._control.recv(100))

    def end(self) -> None:
        self._control.close()
        self._process.wait(_END_SECONDS)


@functools.cache
def _forks() -> Forks:
    forks = Forks()
    atexit.register(forks.end)
    return forks


async def _open(descriptor: int) -> _Pipe:
    _, pipe = await asyncio.get_running_loop().connect_read_pipe(_Pipe, os.fdopen(descriptor, "rb"))
    return pipe
