"""A process that has loaded ``haltbot`` and forks for each command: the same process without a second of loading.

On its standard input is a socket; each message on it is one command, with the descriptors that it shall have.
"""

import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bot import __main__
from bot.cli.main import COMMANDS

LARGEST = 2**20
"""Bytes of a message."""


def wait_for_commands() -> None:
    """Fork for each command; answer with the process' number."""
    control = socket.socket(fileno=os.dup(0))
    # Nobody asks for what the forks leave behind: each tells its exit code itself.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, LARGEST, 4)
        if not message:
            return
        if (process := os.fork()) == 0:
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            run(json.loads(message), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        control.send(b"%d" % process)


def run(command: dict[str, Any], descriptors: Sequence[int]) -> None:
    """Be the command, and tell its exit code at the end."""
    *streams, tell = descriptors
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    # What Python found out about its own streams when it started need not be so for these.
    sys.stdin, sys.stdout = os.fdopen(0), os.fdopen(1, "w")
    sys.stderr = os.fdopen(2, "w", 1, errors="backslashreplace")
    os.chdir(command["folder"])
    os.environ.clear()
    os.environ.update(command["environment"])
    sys.argv = ["haltbot", *command["arguments"]]
    code: object = 1
    try:
        __main__.main()
    except SystemExit as end:
        code = end.code
        raise
    finally:
        # What is left to do happens before the pipe is closed, which is what the other side waits for.
        os.write(tell, str(code).encode())


if __name__ == "__main__":
    for module in set(COMMANDS.values()):
        import_module(f"bot.cli.{module}")
    wait_for_commands()
