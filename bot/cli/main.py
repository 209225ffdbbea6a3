"""The command line: reads arguments, calls one function, prints; no rule of the product lives here."""

import argparse
import asyncio
import contextlib
import errno
import gc
import io
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from bot.app import build
from bot.config.settings import Settings, SettingsInvalid, load
from bot.domain.errors import HaltbotError
from bot.observability.redaction import TOKEN, Redaction, set_up_logging
from bot.operations.manifest import manifest
from bot.slack.socket_mode import SocketModeRefused

OK, FAILED = 0, 1

Run = Callable[[argparse.Namespace], Awaitable[int]]


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns its exit code. What goes wrong is said in a sentence, not in a traceback."""
    _print_everything()
    parser = _parser(arguments[:1])
    if found := TOKEN.search(" ".join(arguments)):
        # Whatever the command makes of it would repeat it.
        parser.error(f"{found[0]} stands among the arguments")
    options = parser.parse_args(arguments)
    try:
        code: int = asyncio.run(options.run(options))
        # What is only found to be unwritable at the very end would otherwise be a traceback.
        sys.stdout.flush()
    except SettingsInvalid as invalid:
        starts = options.run is _run
        heading = "Haltbot cannot start; please correct these settings:" if starts else "Please correct:"
        return _say(f"{heading}\n{invalid}")
    except SocketModeRefused as refused:
        return _say(
            f"SLACK_APP_TOKEN: Slack will not open a connection ({refused.code}). Check that the token starts with"
            " xapp-, has the scope connections:write, and that Socket Mode is on in the app's settings;"
            " then start Haltbot again"
        )
    except HaltbotError as error:
        return _say(str(error))
    except KeyboardInterrupt:
        return FAILED
    except OSError as error:
        return _unwritten(error)
    return code


def _print_everything() -> None:
    """Show a question mark for a character that the terminal does not know, rather than end in the middle."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _unwritten(error: OSError) -> int:
    """Say that the output has no room; nothing where its reader has gone, as with ``| head``."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EPIPE):
        raise error
    # What is still buffered has nowhere to go: the interpreter would try, and complain, at its end.
    with contextlib.suppress(OSError), Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    return FAILED if error.errno == errno.EPIPE else _say(f"Haltbot cannot write: {error.strerror}")


def _say(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return FAILED


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with the arguments without repeating a secret that stands among them."""

    def error(self, message: str) -> NoReturn:
        shown = Redaction().clean(message)
        if shown != message:
            shown += (
                "\nA secret is never an argument: it is read from standard input or asked for. That one now stands in"
                " your shell's history, so revoke it"
            )
        super().error(shown)


def _parser(command: Sequence[str]) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="haltbot",
        description="Stop a runaway Bitrix24 workflow from Slack: /terminate-workflow ID [force] [reason]",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add(commands, "run", "run the bot", _run)
    if command == ["run"]:
        # The bot starts sooner without what only a person at a shell needs.
        return parser
    from bot.cli import commands as others  # noqa: PLC0415

    parser.add_argument("--version", action="version", version=_version())
    demo = _add(commands, "demo", "try it: a Slack and a Bitrix24 on this machine, and the real bot", _demo)
    demo.add_argument("--serve", action="store_true", help="stay up and print the addresses")

    others.add(partial(_add, commands), partial(_group, commands))

    printing = _add(commands, "manifest", "print the Slack app's manifest", _manifest)
    printing.add_argument("--mode", choices=["socket", "http"], default="socket")
    printing.add_argument("--url", help="where Slack reaches Haltbot over HTTPS; needed with --mode http")
    return parser


def _version() -> str:
    # The bot itself prints no version, and starts sooner without this.
    from importlib import metadata  # noqa: PLC0415

    try:
        return f"haltbot {metadata.version('haltbot')}"
    except metadata.PackageNotFoundError:
        return "haltbot, which is not installed as a package and therefore has no version"


def _add(commands: Any, name: str, text: str, function: Run) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(run=function)
    return parser


def _group(commands: Any, name: str, text: str) -> Callable[[str, str, Run], argparse.ArgumentParser]:
    group = commands.add_parser(name, help=text, description=text)
    inner = group.add_subparsers(required=True, metavar="COMMAND")
    return lambda name, text, function: _add(inner, name, text, function)


async def _run(options: argparse.Namespace) -> int:
    settings = load(Settings)
    set_up_logging(settings.haltbot_log_level, settings.secrets())
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with build(settings) as haltbot:
        # What is there by now stays there: looking through all of it for garbage, again and again, would take
        # 15 ms each time, for which acknowledgements would wait.
        gc.freeze()
        await haltbot.serve(stop)
    return OK


async def _demo(options: argparse.Namespace) -> int:
    # The sandbox is a program of its own; only this command needs it.
    from sandbox.demo import play, serve  # noqa: PLC0415

    return await (serve() if options.serve else play())


async def _manifest(options: argparse.Namespace) -> int:
    try:
        print(manifest(options.mode, options.url), end="")
    except ValueError as wrong:
        return _say(str(wrong))
    return OK
