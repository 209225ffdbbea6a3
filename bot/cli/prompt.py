"""Asks a person, or reads the next line of a pipe; a secret is never shown."""

import getpass
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class Ended(Exception):
    """There is nobody who answers any more."""


class GivenUp(Exception):
    """A step cannot be done with what was given; the message says why, and what to do next."""


def ask(question: str) -> str:
    """Read one line. Raises Ended, KeyboardInterrupt."""
    with _interruptible():
        print(question, end="", flush=True)
        line = sys.stdin.readline()
        if not sys.stdin.isatty():
            print()
    if not line:
        raise Ended
    return line.strip()


def ask_secret(question: str) -> str:
    """The same without echo. Raises Ended, KeyboardInterrupt."""
    if not sys.stdin.isatty():
        return ask(question)
    with _interruptible():
        try:
            return getpass.getpass(question).strip()
        except EOFError:
            raise Ended from None


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end the question at once: asyncio's own handler would wait until it is answered."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
