"""Changes a channel's settings: one change at a time, each recorded with what was before."""

from collections.abc import Callable, Mapping
from typing import Any

from bot.domain.audit import Event
from bot.domain.channel_settings import ChannelSettings
from bot.domain.errors import StoreError
from bot.ports.store import ChannelStore

_TRIES = 10


class SettingsChanges:
    """The one way in which settings change."""

    def __init__(self, store: ChannelStore) -> None:
        self._store = store

    async def settings(self, place: str, channel: str) -> ChannelSettings:
        """Read a channel's settings. Raises SettingsNotAccepted."""
        return ChannelSettings.from_json(await self._store.settings(place, channel))

    async def set(
        self, place: str, channel: str, changes: Mapping[str, Any], *, by: str
    ) -> dict[str, tuple[Any, Any]]:
        """Change what is named; returns what became different. Raises SettingsNotAccepted."""
        return await self.change(
            place, channel, lambda before: before.changed(changes), name="settings_changed", by=by
        )

    async def change(
        self,
        place: str,
        channel: str,
        change: Callable[[ChannelSettings], ChannelSettings],
        *,
        name: str,
        by: str,
        **detail: object,
    ) -> dict[str, tuple[Any, Any]]:
        """Apply a change to what is there at that moment, whoever else changes something; empty: nothing to do."""
        for _ in range(_TRIES):
            stored = await self._store.settings(place, channel)
            before = ChannelSettings.from_json(stored)
            after = change(before)
            changes = differences(before, after)
            if not changes:
                return {}
            event = Event(
                event=name,
                team=place,
                channel=channel,
                user=by,
                detail={"changes": {key: list(values) for key, values in changes.items()}, **detail},
            )
            if await self._store.replace_settings(place, channel, stored, after.to_json(), event):
                return changes
        raise StoreError(f"the settings of {channel} were changed by others again and again")


def differences(before: ChannelSettings, after: ChannelSettings) -> dict[str, tuple[Any, Any]]:
    """Name what is different, with the old and the new value as they are written."""
    old, new = before.to_json(), after.to_json()
    defaults = ChannelSettings().shown()
    names = sorted(old.keys() | new.keys())
    return {
        name: (old.get(name, defaults.get(name)), new.get(name, defaults.get(name)))
        for name in names
        if old.get(name) != new.get(name)
    }
