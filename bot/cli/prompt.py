"""Asks a person, or reads the next line of a pipe; a secret is never shown."""

import getpass
import signal
import sys


def ask(question: str) -> str:
    """Read one line. Raises EOFError, KeyboardInterrupt."""
    return _ask(question, secret=False)


def ask_secret(question: str) -> str:
    """Read one line, which a terminal does not show. Raises EOFError, KeyboardInterrupt."""
    return _ask(question, secret=True)


def _ask(question: str, *, secret: bool) -> str:
    is_terminal = sys.stdin.isatty()
    # Ctrl-C ends the question at once: asyncio's own handler would wait until it is answered.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        line = getpass.getpass(question) if secret and is_terminal else input(question)
    finally:
        signal.signal(signal.SIGINT, before)
        if not is_terminal:
            print()
    return line.strip()
