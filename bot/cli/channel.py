"""``haltbot channel``: the channels' settings, shown, changed one by one, or brought to what a file says."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import click
import yaml

from bot.channels.settings_changes import SettingsChanges, differences
from bot.cli.options import are_ids, channel_options
from bot.cli.shell import CommandFailed, opened_store, operator
from bot.domain.channel_settings import ChannelSettings, Role
from bot.domain.errors import SettingsNotAccepted
from bot.messages.settings import setting_fault

_IDS = ("team", "channel")


@click.group()
def channel() -> None:
    """Show and change the channels' settings."""


@channel.command("show")
@channel_options()
async def _show(team: str, channel: str) -> None:
    """Show a channel's settings, as YAML."""
    async with _configuring() as configuring:
        settings = await configuring.settings(team, channel)
    shown = {"team": team, "channel": channel, **settings.shown()}
    print(yaml.safe_dump({"channels": [shown]}, sort_keys=False, allow_unicode=True), end="")


@channel.command("set")
@channel_options()
@click.argument("changes", nargs=-1, required=True, metavar="NAME=VALUE...")
async def _set(team: str, channel: str, changes: tuple[str, ...]) -> None:
    """Change a channel's settings.

    Such as force=S0123,U0123 or second_person=always; portal= without a value takes it away.
    """
    wanted: dict[str, Any] = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals:
            raise CommandFailed(f"{change}: write it as NAME=VALUE")
        if name in wanted:
            raise CommandFailed(f"{name}: is there twice")
        wanted[name] = value.strip() or None
    _refuse_empty(wanted)
    async with _configuring() as configuring:
        changed = await configuring.set(team, channel, wanted, by=operator())
    _print_changes(f"{team} {channel}", changed)


@channel.command("apply")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only tell what would change.")
async def _apply(file: Path, dry_run: bool) -> None:
    """Bring channels to what a YAML FILE says; what it does not name stays."""
    wanted = _read(file)
    if not wanted:
        print(f"{file}: there is no channel in it, so nothing was changed")
        return
    async with _configuring() as configuring:
        before = [await configuring.settings(team, channel) for team, channel, _ in wanted]
        # All of the file is examined before any of it is applied.
        after = [_changed(old, *each) for old, each in zip(before, wanted, strict=True)]
        for old, new, (team, channel, changes) in zip(before, after, wanted, strict=True):
            if dry_run:
                done = differences(old, new)
            else:
                done = await configuring.set(team, channel, changes, by=operator())
            _print_changes(f"{team} {channel}", done, would=dry_run)


def _read(path: Path) -> list[tuple[str, str, dict[str, Any]]]:
    """Read a file of channels: team, channel and settings of each. Raises CommandFailed."""
    content = _load(path)
    entries = content.get("channels") if isinstance(content, Mapping) else None
    if not isinstance(entries, list):
        raise CommandFailed(f"{path}: needs a list named channels")
    channels, seen = [], set()
    for number, entry in enumerate(entries, start=1):
        if not isinstance(entry, Mapping) or not all(isinstance(entry.get(name), str) for name in _IDS):
            raise CommandFailed(f"{path}: channel {number} needs a team and a channel, both ids")
        if not are_ids(entry["team"], entry["channel"]):
            raise CommandFailed(
                f"{path}: channel {number} needs ids, such as T0123ABCD and C0123ABCD, not names"
            )
        ids = (entry["team"], entry["channel"])
        if ids in seen:
            raise CommandFailed(f"{path}: channel {number} ({ids[1]}) is there twice")
        seen.add(ids)
        channels.append((*ids, {str(k): value for k, value in entry.items() if k not in _IDS}))
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
                    raise CommandFailed(f"{self.name}: {name.value} is there twice (line {line})")
                seen.add(name.value)
        return node


def _load(path: Path) -> Any:
    """Parse a file. Raises CommandFailed."""
    try:
        loader = _Loader(path.read_text(encoding="utf-8"))
        loader.name = str(path)
        return loader.get_single_data()
    except OSError as unreadable:
        raise CommandFailed(f"{path}: {unreadable.strerror}") from unreadable
    except UnicodeDecodeError as binary:
        raise CommandFailed(f"{path}: is not UTF-8 text") from binary
    except yaml.YAMLError as broken:
        where = getattr(broken, "problem_mark", None)
        line = f" (line {where.line + 1})" if where else ""
        raise CommandFailed(f"{path}: this is no YAML{line}") from broken
    except RecursionError:
        raise CommandFailed(f"{path}: is nested far too deeply") from None
    except (AttributeError, KeyError, ValueError):
        # What PyYAML stumbles over: the 45th of a month, or a tag that does not fit its value.
        raise CommandFailed(
            f"{path}: holds a value, such as a date, that is none; put it in quotes if it is meant as text"
        ) from None


def _refuse_empty(changes: Mapping[str, Any]) -> None:
    """Refuse a role without a value, which might mean nobody or what holds by default: everyone, for some."""
    for role in Role:
        value = changes.get(role, role)
        texts = value if isinstance(value, list) else [value or ""]
        # An empty list is how a role of nobody is shown.
        if texts and re.fullmatch(r"[\s,]*", "".join(map(str, texts))):
            raise CommandFailed(f"{role}: is empty; write nobody, everyone, admins, or ids")


def _changed(before: ChannelSettings, team: str, channel: str, changes: Mapping[str, Any]) -> ChannelSettings:
    try:
        _refuse_empty(changes)
        return before.changed(changes)
    except CommandFailed as wrong:
        raise CommandFailed(f"{team} {channel}: {wrong}") from None
    except SettingsNotAccepted as wrong:
        raise CommandFailed(f"{team} {channel}: {wrong.name}: {setting_fault(wrong)}") from None


def _print_changes(where: str, changes: Mapping[str, tuple[Any, Any]], *, would: bool = False) -> None:
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


@asynccontextmanager
async def _configuring() -> AsyncIterator[SettingsChanges]:
    """Open what changes settings. Raises CommandFailed for one that cannot be used."""
    try:
        async with opened_store() as store:
            yield SettingsChanges(store)
    except SettingsNotAccepted as wrong:
        raise CommandFailed(f"{wrong.name}: {setting_fault(wrong)}") from None
