"""``haltbot key``: the channels' API keys. A key comes from standard input or a prompt, never from an argument."""

import argparse
import getpass
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bot.cli_prompt import ask_secret
from bot.config import StorageSettings, load
from bot.errors import KeyNotAccepted
from bot.keys import Keys
from bot.storage import open_store, open_vault


def add_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    _for_channel(
        add("set", "set a channel's key; it is read from standard input or asked for", _set)
    ).add_argument(
        "--session",
        action="store_true",
        help="read a session token too, on a second line: needed with a vibe_app_… key",
    )
    add("list", "list the keys, redacted", _list)
    _for_channel(add("remove", "remove a channel's key", _remove))
    add("rotate", "seal every stored secret with the first of HALTBOT_ENCRYPTION_KEYS", _rotate)


def _for_channel(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument(
        "--team", required=True, metavar="T0123", help="the workspace's id; E0123/T0123 in an organisation"
    )
    parser.add_argument("--channel", required=True, metavar="C0123", help="the channel's id")
    return parser


async def _set(options: argparse.Namespace) -> int:
    key = _secret("API key: ")
    session = _secret("Session token: ") if options.session else None
    async with _keys() as keys:
        try:
            stored = await keys.set(options.team, options.channel, key, session, by=_operator())
        except KeyNotAccepted as refused:
            print(f"The key was not stored: {refused}", file=sys.stderr)
            return 1
    print(f"Key {stored.hint} set for channel {stored.channel} of team {stored.team}.")
    return 0


async def _list(options: argparse.Namespace) -> int:
    async with _keys() as keys:
        stored = await keys.all()
    for key in stored:
        session = " with a session" if key.sealed_session else ""
        print(f"{key.team} {key.channel} {key.hint}{session}, set by {key.set_by}")
    if not stored:
        print("No channel has a key yet: haltbot key set --team T… --channel C…")
    return 0


async def _remove(options: argparse.Namespace) -> int:
    async with _keys() as keys:
        removed = await keys.remove(options.team, options.channel, by=_operator())
    print("Key removed." if removed else "That channel had no key; nothing was changed.")
    return 0 if removed else 1


async def _rotate(options: argparse.Namespace) -> int:
    async with _keys() as keys:
        count = await keys.rotate(by=_operator())
    print(
        f"{count} channel(s) sealed with the first encryption key. Older keys may be dropped from the list."
    )
    return 0


def _secret(prompt: str) -> str:
    # Through a pipe nobody reads a prompt.
    return ask_secret(prompt) if sys.stdin.isatty() else sys.stdin.readline().strip()


def _operator() -> str:
    return f"shell:{getpass.getuser()}"


@asynccontextmanager
async def _keys() -> AsyncIterator[Keys]:
    storage = load(StorageSettings)
    vault = open_vault(storage)
    store = await open_store(storage.database_url, owner="shell", shared=True)
    try:
        yield Keys(store, vault)
    finally:
        await store.close()
