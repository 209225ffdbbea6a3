"""``haltbot key``: the channels' API keys. A key comes from standard input or a prompt, never from an argument."""

import argparse
import contextlib
import sys
import time
from collections.abc import Callable

from bot.channels.keys import Keys, check_key, remove_key
from bot.cli.place import add_place
from bot.cli.prompt import Ended, ask_secret
from bot.cli.shell import opened_store, operator, report_on
from bot.config.settings import StorageSettings, load
from bot.domain.api_key import ApiKey, ChannelKey
from bot.domain.errors import KeyNotAccepted
from bot.store.opening import open_vault


def add_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    setting = add_place(add("set", "set a channel's key; it is read from standard input or asked for", _set))
    setting.add_argument(
        "--session",
        action="store_true",
        help="read a session token too, on a second line: needed with a vibe_app_… key",
    )
    setting.add_argument(
        "--unchecked", action="store_true", help="store it without asking Vibecode whether it can be used"
    )
    add_place(add("list", "list the keys, redacted; of one channel, if named", _list), required=False)
    add_place(add("remove", "remove a channel's key", _remove))
    add("rotate", "seal every stored secret with the first of HALTBOT_ENCRYPTION_KEYS", _rotate)


async def _set(options: argparse.Namespace) -> int:
    try:
        key = _secret("API key: ", "key")
        session = _secret("Session token: ", "session token") if options.session else None
        # A key that is refused leaves no database and no key file behind.
        check_key(key, session)
        settings = load(StorageSettings)
        if not options.unchecked:
            await _ask_vibecode(settings.vibecode_api_url, ApiKey(key, session))
        vault = open_vault(settings)
        async with opened_store(settings.database_url, may_create=True) as store:
            former = await store.channel_key(options.team, options.channel)
            stored = await Keys(store, vault).set(options.team, options.channel, key, session, by=operator())
    except KeyNotAccepted as refused:
        print(f"The key was not stored: {refused}", file=sys.stderr)
        return 1
    replaced = f" It replaces {former.hint}." if former and former.hint != stored.hint else ""
    print(f"Key {stored.hint} set for channel {stored.channel} of team {stored.team}.{replaced}")
    return 0


async def _ask_vibecode(address: str, key: ApiKey) -> None:
    """Find out by day what would be found out in the night. Raises KeyNotAccepted."""
    report = await report_on(key, address, time.time_ns() // 1_000_000)
    if report.unreachable:
        print(
            f"Whether the key can be used is not known: {report.problem} haltbot doctor asks again.",
            file=sys.stderr,
        )
    elif report.problem:
        raise KeyNotAccepted(f"{report.problem} Set another one, or store this one all the same: --unchecked")


async def _list(options: argparse.Namespace) -> int:
    async with opened_store(load(StorageSettings).database_url) as store:
        stored = [key for key in await store.channel_keys() if _is_asked_for(key, options)]
    for key in stored:
        session = " with a session" if key.sealed_session else ""
        print(f"{key.team} {key.channel} {key.hint}{session}, set by {key.set_by}")
    if not stored:
        named = options.team or options.channel
        none = "No key is set there" if named else "No channel has a key yet"
        print(f"{none}: haltbot key set --team T… --channel C…")
    return 0


def _is_asked_for(key: ChannelKey, options: argparse.Namespace) -> bool:
    return key.team == (options.team or key.team) and key.channel == (options.channel or key.channel)


async def _remove(options: argparse.Namespace) -> int:
    async with opened_store(load(StorageSettings).database_url) as store:
        # Without the vault: a key that nothing opens any more can be removed as well.
        removed = await remove_key(store, options.team, options.channel, by=operator())
    print("Key removed." if removed else "That channel had no key; nothing was changed.")
    return 0 if removed else 1


async def _rotate(options: argparse.Namespace) -> int:
    async with opened_store(load(StorageSettings).database_url) as store:
        count = await Keys(store, open_vault(load(StorageSettings))).rotate(by=operator())
    print(
        f"{count} channel(s) sealed with the first encryption key. Older keys may be dropped from the list."
    )
    return 0


def _secret(prompt: str, name: str) -> str:
    """Read a secret. Raises KeyNotAccepted where there is none."""
    if sys.stdin.isatty():
        with contextlib.suppress(Ended):
            if given := ask_secret(prompt):
                return given
        raise KeyNotAccepted(f"no {name} was given")
    # Through a pipe nobody reads a prompt.
    if given := sys.stdin.readline().strip():
        return given
    raise KeyNotAccepted(f"no {name} came on standard input")
