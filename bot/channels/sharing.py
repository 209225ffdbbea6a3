"""Who can see a channel's messages, and what may therefore stand in them."""

from enum import StrEnum
from typing import Protocol

from bot.domain.channel_settings import ChannelSettings
from bot.domain.errors import SettingsNotAccepted
from bot.domain.workspace import outside_teams
from bot.ports.store import ChannelStore


class Audience(StrEnum):
    """What the place of a message allows."""

    TRUSTED = "trusted"
    """Everybody there may see everything."""
    UNKNOWN = "unknown"
    """Slack does not say who is there: what is known of an instance is not shown."""
    OUTSIDERS = "outsiders"
    """People of another organisation are there: what Haltbot says goes to the requester alone."""


class Channels(Protocol):
    """What Slack says about channels."""

    async def teams(self, channel: str) -> frozenset[str] | None:
        """The teams of other organisations that share it, empty where none does; None: not known."""
        ...

    def forget(self, channel: str) -> None:
        """Ask anew the next time."""
        ...


class Sharing:
    """Tells each time anew, so that a channel that becomes shared is treated so from then on."""

    def __init__(self, store: ChannelStore, channels: Channels) -> None:
        self._store = store
        self._channels = channels

    async def audience(self, team: str, channel: str) -> Audience:
        """Find out who may be reading. Settings that cannot be understood allow nobody."""
        try:
            settings = ChannelSettings.from_json(await self._store.settings(team, channel))
        except SettingsNotAccepted:
            settings = ChannelSettings()
        seen = await self._channels.teams(channel)
        teams = (seen or frozenset()) | frozenset(settings.shared_with)
        if outside_teams(teams, team, settings.allowed_teams):
            return Audience.OUTSIDERS
        return Audience.UNKNOWN if seen is None and not channel.startswith("D") else Audience.TRUSTED
