"""``haltbot channel``: the channels' settings, shown, changed one by one, or brought to what a file says."""

import argparse
import re
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from bot.channels.settings_changes import SettingsChanges, differences
from bot.cli.place import add_place, is_place
from bot.cli.shell import opened_store, operator
from bot.config.settings import StorageSettings, load
from bot.domain.channel_settings import ChannelSettings, Role
from bot.domain.errors import SettingsNotAccepted

_PLACE = ("team", "channel")


def add_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    add_place(add("show", "show a channel's settings, as YAML", _show))
    change = add_place(add("set", "change a channel's settings", _set))
    change.add_argument(
        "changes", nargs="+", metavar="NAME=VALUE", help="force=S0123,U0123 · second_person=always · portal="
    )
    apply = add("apply", "bring channels to what a YAML file says; what it does not name stays", _apply)
    apply.add_argument("file", type=Path, metavar="FILE")
    apply.add_argument("--dry-run", action="store_true", help="only tell what would change")


async def _show(options: argparse.Namespace) -> int:
    async with _configuring() as configuring:
        settings = await configuring.settings(options.team, options.channel)
    shown = {"team": options.team, "channel": options.channel, **settings.shown()}
    print(yaml.safe_dump({"channels": [shown]}, sort_keys=False, allow_unicode=True), end="")
    return 0


async def _set(options: argparse.Namespace) -> int:
    changes: dict[str, Any] = {}
    for change in options.changes:
        name, equals, value = change.partition("=")
        if not equals:
            return _say(f"{change}: write it as NAME=VALUE")
        if name in changes:
            return _say(f"{name}: is there twice")
        changes[name] = value.strip() or None
    _refuse_empty(changes)
    async with _configuring() as configuring:
        changed = await configuring.set(options.team, options.channel, changes, by=operator())
    _tell(f"{options.team} {options.channel}", changed)
    return 0


async def _apply(options: argparse.Namespace) -> int:
    try:
        wanted = list(_read(options.file))
    except OSError as unreadable:
        return _say(f"{options.file}: {unreadable.strerror}")
    except UnicodeDecodeError:
        return _say(f"{options.file}: is not UTF-8 text")
    except yaml.YAMLError as broken:
        where = getattr(broken, "problem_mark", None)
        return _say(f"{options.file}: this is no YAML{f' (line {where.line + 1})' if where else ''}")
    if not wanted:
        print(f"{options.file}: there is no channel in it, so nothing was changed")
        return 0
    async with _configuring() as configuring:
        before = [await configuring.settings(team, channel) for team, channel, _ in wanted]
        # All of the file is examined before any of it is applied.
        after = [_changed(old, *each) for old, each in zip(before, wanted, strict=True)]
        for old, new, (team, channel, changes) in zip(before, after, wanted, strict=True):
            if options.dry_run:
                _tell(f"{team} {channel}", differences(old, new), would=True)
            else:
                done = await configuring.set(team, channel, changes, by=operator())
                _tell(f"{team} {channel}", done)
    return 0


def _read(path: Path) -> list[tuple[str, str, dict[str, Any]]]:
    """Read a file of channels, each with its team, its id and settings. Raises SettingsNotAccepted."""
    content = _load(path)
    entries = content.get("channels") if isinstance(content, Mapping) else None
    if not isinstance(entries, list):
        raise SettingsNotAccepted(str(path), "needs a list named channels")
    channels, seen = [], set()
    for number, entry in enumerate(entries, start=1):
        if not isinstance(entry, Mapping) or not all(isinstance(entry.get(name), str) for name in _PLACE):
            raise SettingsNotAccepted(str(path), f"channel {number} needs a team and a channel, both ids")
        if not is_place(entry["team"], entry["channel"]):
            raise SettingsNotAccepted(
                str(path), f"channel {number} needs ids, such as T0123ABCD and C0123ABCD, not names"
            )
        place = (entry["team"], entry["channel"])
        if place in seen:
            raise SettingsNotAccepted(str(path), f"channel {number} ({place[1]}) is there twice")
        seen.add(place)
        channels.append((*place, {str(k): value for k, value in entry.items() if k not in _PLACE}))
    return channels


class _Loader(yaml.SafeLoader):
    """Refuses a name that stands twice in one mapping: these are rights, and the last one would win unseen."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen = set()
        for name, _ in node.value:
            if isinstance(name, yaml.ScalarNode):
                if name.value in seen:
                    line = name.start_mark.line + 1
                    raise SettingsNotAccepted(str(self.name), f"{name.value} is there twice (line {line})")
                seen.add(name.value)
        return node


def _load(path: Path) -> Any:
    loader = _Loader(path.read_text(encoding="utf-8"))
    loader.name = str(path)
    try:
        return loader.get_single_data()
    except RecursionError:
        raise SettingsNotAccepted(str(path), "is nested far too deeply") from None
    except (AttributeError, KeyError, ValueError):
        # What PyYAML stumbles over: the 45th of a month, or a tag that does not fit its value.
        raise SettingsNotAccepted(
            str(path), "holds a value, such as a date, that is none; put it in quotes if it is meant as text"
        ) from None
    finally:
        loader.dispose()


def _refuse_empty(changes: Mapping[str, Any]) -> None:
    """Refuse a role without a value, which might mean nobody or what holds by default: everyone, for some."""
    for role in Role:
        value = changes.get(role, role)
        texts = value if isinstance(value, list) else [value or ""]
        # An empty list is how a role of nobody is shown.
        if texts and re.fullmatch(r"[\s,]*", "".join(map(str, texts))):
            raise SettingsNotAccepted(role, "is empty; write nobody, everyone, admins, or ids")


def _changed(before: ChannelSettings, team: str, channel: str, changes: Mapping[str, Any]) -> ChannelSettings:
    try:
        _refuse_empty(changes)
        return before.changed(changes)
    except SettingsNotAccepted as wrong:
        raise SettingsNotAccepted(f"{team} {channel}: {wrong.name}", wrong.why) from None


def _tell(where: str, changes: Mapping[str, tuple[Any, Any]], *, would: bool = False) -> None:
    if not changes:
        print(f"{where}: nothing to change")
    for name, (old, new) in changes.items():
        print(
            f"{where}: {name}: {_written(name, old)} {'would become' if would else '→'} {_written(name, new)}"
        )


def _written(name: str, value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or ("nobody" if name in tuple(Role) else "none")
    if isinstance(value, bool):
        return "true" if value else "false"
    return "–" if value is None else str(value)


def _say(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1


@asynccontextmanager
async def _configuring() -> AsyncIterator[SettingsChanges]:
    async with opened_store(load(StorageSettings).database_url) as store:
        yield SettingsChanges(store)
