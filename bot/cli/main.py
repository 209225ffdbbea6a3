"""The command line: finds a command, runs it, and says in a sentence what went wrong."""

import asyncio
import contextlib
import errno
import gc
import io
import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import click

from bot.config.settings import SettingsInvalid
from bot.domain.errors import HaltbotError
from bot.observability.redaction import TOKEN, Redaction

FAILED, INTERRUPTED = 1, 130
COMMANDS = {
    "run": "run",
    "demo": "run",
    "setup": "setup",
    "doctor": "doctor",
    "practise": "practise",
    "key": "key",
    "channel": "channel",
    "audit": "audit",
    "backup": "database",
    "restore": "database",
    "migrate": "database",
    "manifest": "setup",
}
"""The module of each command."""
# A token anywhere; a signing secret or an encryption key where it is a whole argument or the value of one.
_SECRET = re.compile(rf"{TOKEN.pattern}|(?:^|=)(?:[0-9a-f]{{32}}|[A-Za-z0-9+/]{{43}}=)$", re.MULTILINE)
_REVOKE = (
    "\nA secret is never an argument: it is read from standard input or asked for. That one now stands in your"
    " shell's history, so revoke it"
)


class _Commands(click.Group):
    """Imports a command when it is wanted, so that none waits for what only the others need."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"bot.cli.{COMMANDS[cmd_name]}"), cmd_name)
        return command


def _print_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    from importlib import metadata  # noqa: PLC0415 -- the bot itself prints no version, and starts sooner without

    try:
        click.echo(f"haltbot {metadata.version('haltbot')}")
    except metadata.PackageNotFoundError:
        click.echo("haltbot, which is not installed as a package and therefore has no version")
    ctx.exit()


@click.group(cls=_Commands)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version.",
)
def haltbot() -> None:
    """Stop a runaway Bitrix24 workflow from Slack: /terminate-workflow ID [force] [reason]."""


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; what goes wrong is a sentence, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A question mark for a character that the terminal does not know, rather than an end in the middle.
            stream.reconfigure(errors="replace")
    try:
        if _SECRET.search("\n".join(arguments)):
            # Whatever the command makes of it would repeat it.
            raise click.UsageError(f"A secret stands among the arguments.{_REVOKE}")
        result = haltbot.main(arguments, prog_name="haltbot", standalone_mode=False)
        if not gc.isenabled():
            # All that is loaded stays.
            gc.freeze()
            gc.enable()
        code: int | None = asyncio.run(result) if asyncio.iscoroutine(result) else result
        # What cannot be written may only show now.
        sys.stdout.flush()
    except click.ClickException as wrong:
        _show(wrong)
        return wrong.exit_code
    except SettingsInvalid as invalid:
        starts = arguments[:1] == ["run"]
        heading = "Haltbot cannot start; please correct these settings:" if starts else "Please correct:"
        return _fail(f"{heading}\n{invalid}")
    except HaltbotError as error:
        return _fail(str(error))
    except (KeyboardInterrupt, click.Abort):
        return _fail("Stopped.", INTERRUPTED)
    except OSError as error:
        return _unwritten(error)
    return code or 0


def _show(wrong: click.ClickException) -> None:
    """Print what is wrong with the arguments, without a secret that stands among them."""
    message = wrong.format_message()
    shown = Redaction().clean(message)
    if shown != message:
        wrong = click.UsageError(shown + _REVOKE, getattr(wrong, "ctx", None))
    wrong.show()


def _unwritten(error: OSError) -> int:
    """Say that the output has no room; nothing where its reader has gone, as with ``| head``."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EPIPE):
        raise error
    # What is still buffered has nowhere to go: the interpreter would try, and complain, at its end.
    with contextlib.suppress(OSError), Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    return FAILED if error.errno == errno.EPIPE else _fail(f"Haltbot cannot write: {error.strerror}")


def _fail(sentence: str, code: int = FAILED) -> int:
    print(sentence, file=sys.stderr)
    return code
