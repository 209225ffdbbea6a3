"""What Slack tells about channels and about the installation itself, and what Haltbot does then."""

import logging
from collections.abc import Callable
from dataclasses import replace

from bot.channels.keys import Keys
from bot.channels.settings_changes import SettingsChanges
from bot.channels.sharing import Channels
from bot.domain.audit import Event
from bot.domain.channel_settings import ChannelSettings
from bot.domain.errors import SettingsNotAccepted
from bot.domain.notices import BecameShared
from bot.domain.workspace import enterprise_of, team_of
from bot.ports.directory import Configurers
from bot.ports.messenger import Notify
from bot.ports.store import ChannelStore

log = logging.getLogger(__name__)

SLACK = "slack"
"""Stands in the audit for whoever did it in Slack, which does not tell."""


class Lifecycle:
    """Each thing may be told twice: Slack repeats events, and their order is not certain."""

    def __init__(
        self, store: ChannelStore, keys: Keys, channels: Channels, *, notify: Notify, configurers: Configurers
    ) -> None:
        self._store = store
        self._keys = keys
        self._changes = SettingsChanges(store)
        self._channels = channels
        self._notify = notify
        self._configurers = configurers

    async def shared(self, place: str, channel: str, team: str) -> None:
        """Another organisation joined a channel: from now on Haltbot's answers there are private."""
        self._channels.forget(channel)
        if team in (team_of(place), enterprise_of(place), "") or not channel:
            return
        changed = await self._change_teams(
            place, channel, "channel_shared", team, lambda teams: teams | {team}
        )
        if changed and await self._store.channel_key(place, channel) is not None:
            for person in await self._configurers(place, channel):
                await self._notify(BecameShared(channel, team), person)

    async def unshared(self, place: str, channel: str, team: str) -> None:
        """Another organisation left a channel."""
        self._channels.forget(channel)
        if not channel:
            return
        await self._change_teams(place, channel, "channel_unshared", team, lambda teams: teams - {team})

    async def moved(self, place: str, old: str, new: str) -> None:
        """A channel got another id: what belonged to it goes with it."""
        self._channels.forget(old)
        self._channels.forget(new)
        if old and new and old != new and await self._keys.move(place, old, new, by=SLACK):
            log.info("A channel got another id; its key, settings and open terminations went with it.")

    async def uninstalled(self, place: str, why: str) -> None:
        """Slack does not let Haltbot in any more: its secrets are deleted at once; the audit stays for its time."""
        if not place:
            log.error("Slack told that Haltbot was uninstalled, but not where; no secret was deleted.")
            return
        count = 0
        # A workspace that joined an organisation later may have left something under its own name alone.
        for name in dict.fromkeys((place, team_of(place) or place)):
            line = Event(event="uninstalled", team=name, channel="", user=SLACK, detail={"why": why})
            count += await self._store.forget_secrets(name, line)
        log.warning("Haltbot was uninstalled (%s): %s secrets were deleted.", why, count)

    async def _change_teams(
        self,
        place: str,
        channel: str,
        name: str,
        team: str,
        change: Callable[[frozenset[str]], frozenset[str]],
    ) -> bool:
        def changed(settings: ChannelSettings) -> ChannelSettings:
            return replace(settings, shared_with=tuple(sorted(change(frozenset(settings.shared_with)))))

        try:
            return bool(
                await self._changes.change(place, channel, changed, name=name, by=SLACK, other_team=team)
            )
        except SettingsNotAccepted:
            # Settings that cannot be understood allow nobody; see Sharing.
            return True
