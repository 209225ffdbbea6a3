"""What people do with a channel's settings: see them and change them."""

from collections.abc import Mapping
from typing import Any

from bot.channels.authority import CLICK_SECONDS, Authority
from bot.channels.settings_changes import SettingsChanges
from bot.domain.channel_settings import ChannelSettings, Role
from bot.domain.command import Word
from bot.domain.permissions import CHANGE_SETTINGS, Actor


class SettingsService:
    """Raises Refused, which is recorded, and SettingsNotAccepted for what cannot be set."""

    def __init__(self, authority: Authority, changes: SettingsChanges) -> None:
        self._authority = authority
        self._changes = changes

    async def show(self, actor: Actor) -> tuple[ChannelSettings, bool]:
        """Read a channel's settings, and tell whether this person may change them."""
        settings = await self._authority.admit(Word.CONFIG, actor, within_seconds=CLICK_SECONDS)
        found = await self._authority.standing(actor, settings, Role.CONFIGURE, within_seconds=CLICK_SECONDS)
        return settings, found.allowed

    async def change(self, actor: Actor, changes: Mapping[str, Any]) -> list[str]:
        """Change what is named; returns the names of what became different."""
        await self._authority.admit(CHANGE_SETTINGS, actor, within_seconds=CLICK_SECONDS)
        changed = await self._changes.set(actor.place, actor.channel, changes, by=actor.user)
        return sorted(changed)
