"""``haltbot key``: the channels' API keys. A key comes from standard input or a prompt, never from an argument."""

import sys
import time

import click

from bot.channels.key_check import examine_key
from bot.channels.keys import Keys, check_key, remove_key
from bot.cli.options import channel_options
from bot.cli.prompt import ask_secret
from bot.cli.shell import CommandFailed, opened_store, operator
from bot.config.settings import StorageSettings, load
from bot.domain.api_key import ApiKey, KeyReport
from bot.domain.errors import KeyNotAccepted
from bot.messages.keys import not_accepted, not_stored, problem
from bot.store.opening import open_vault
from bot.vibecode.client import VibecodeClient, open_client


@click.group()
def key() -> None:
    """Set, list, remove and rotate the channels' API keys."""


@key.command("set")
@channel_options()
@click.option(
    "--session",
    "with_session",
    is_flag=True,
    help="Read a session token too, on a second line: needed with a vibe_app_… key.",
)
@click.option("--unchecked", is_flag=True, help="Store it without asking Vibecode whether it can be used.")
async def _set(team: str, channel: str, with_session: bool, unchecked: bool) -> None:
    """Set a channel's key; it is read from standard input or asked for."""
    try:
        value = _read_secret("API key: ", "key")
        session = _read_secret("Session token: ", "session token") if with_session else None
        # A key that is refused leaves no database and no key file behind.
        check_key(value, session)
        settings = load(StorageSettings)
        if not unchecked:
            await _check_with_vibecode(settings.vibecode_api_url, ApiKey(value, session))
        vault = open_vault(settings)
        async with opened_store(settings.database_url, may_create=True) as store:
            former = await store.channel_key(team, channel)
            stored = await Keys(store, vault).set(team, channel, value, session, by=operator())
    except KeyNotAccepted as refused:
        raise CommandFailed(not_accepted(refused)) from refused
    replaced = f" It replaces {former.hint}." if former and former.hint != stored.hint else ""
    print(f"Key {stored.hint} set for channel {stored.channel} of team {stored.team}.{replaced}")


@key.command("list")
@channel_options(required=False)
async def _list(team: str | None, channel: str | None) -> None:
    """List the keys, redacted; of one channel, if named."""
    async with opened_store() as store:
        stored = [
            one
            for one in await store.channel_keys()
            if team in (None, one.team) and channel in (None, one.channel)
        ]
    for one in stored:
        session = " with a session" if one.sealed_session else ""
        print(f"{one.team} {one.channel} {one.hint}{session}, set by {one.set_by}")
    if not stored:
        none = "No key is set there" if team or channel else "No channel has a key yet"
        print(f"{none}: haltbot key set --team T… --channel C…")


@key.command("remove")
@channel_options()
async def _remove(team: str, channel: str) -> int:
    """Remove a channel's key."""
    async with opened_store() as store:
        # Without the vault: a key that nothing opens any more can be removed as well.
        removed = await remove_key(store, team, channel, by=operator())
    print("Key removed." if removed else "That channel had no key; nothing was changed.")
    return 0 if removed else 1


@key.command("rotate")
async def _rotate() -> None:
    """Seal all secrets with the first of HALTBOT_ENCRYPTION_KEYS."""
    async with opened_store() as store:
        count = await Keys(store, open_vault(load(StorageSettings))).rotate(by=operator())
    print(
        f"{count} channel(s) sealed with the first encryption key. Older keys may be dropped from the list."
    )


async def report_on(api_key: ApiKey, vibecode_api_url: str, now: int) -> KeyReport:
    """Ask Vibecode about a key before it is stored; ``now`` in Unix milliseconds."""
    async with open_client(vibecode_api_url) as http:
        return await examine_key(VibecodeClient(http), api_key, now)


async def _check_with_vibecode(address: str, api_key: ApiKey) -> None:
    """Find out by day what would be found out in the night. Raises CommandFailed."""
    report = await report_on(api_key, address, time.time_ns() // 1_000_000)
    if report.unreachable:
        print(
            f"Whether the key can be used is not known. {problem(report)} haltbot doctor asks again.",
            file=sys.stderr,
        )
    elif report.problem:
        raise CommandFailed(
            f"{not_stored(report)} Set another one, or store this one all the same: --unchecked"
        )


def _read_secret(question: str, name: str) -> str:
    """Ask for a secret, or read a pipe's next line. Raises CommandFailed where there is none."""
    if not sys.stdin.isatty():
        # Nobody there reads a question.
        if given := sys.stdin.readline().strip():
            return given
        raise CommandFailed(f"The key was not stored: no {name} came on standard input")
    try:
        given = ask_secret(question)
    except EOFError:
        given = ""
    if not given:
        raise CommandFailed(f"The key was not stored: no {name} was given")
    return given
