"""The breaker: so many terminations in so short a time that somebody else should have a look."""

from dataclasses import replace

from bot.channels.authority import CLICK_SECONDS, Authority
from bot.channels.settings_changes import SettingsChanges
from bot.domain.channel_settings import ChannelSettings
from bot.domain.errors import Refused
from bot.domain.notices import BreakerTripped
from bot.domain.permissions import RESET_BREAKER, Actor, trips_breaker
from bot.ports.messenger import Notify
from bot.ports.store import AuditStore

TRIPPED_MS = 60 * 60 * 1000
BY = "haltbot"


class Breaker:
    """Counts what the audit says was admitted."""

    def __init__(
        self,
        store: AuditStore,
        authority: Authority,
        changes: SettingsChanges,
        notify: Notify,
    ) -> None:
        self._store = store
        self._authority = authority
        self._changes = changes
        self._notify = notify

    async def look(self, place: str, channel: str, settings: ChannelSettings) -> ChannelSettings:
        """Trip if there were too many, counting the one that was just admitted; returns what holds now.

        Each is recorded before it is counted, so of many at once those beyond the limit all see it passed.
        """
        now = await self._store.now()
        since = max(now - settings.breaker_minutes * 60_000, settings.breaker_since or 0)
        count = await self._store.admitted_since(place, channel, since)
        if not trips_breaker(settings, count, now):
            return settings
        changed = await self._changes.change(
            place,
            channel,
            lambda before: (
                before
                if now < (before.breaker_until or 0)
                else replace(before, breaker_until=now + TRIPPED_MS)
            ),
            name="breaker_tripped",
            by=BY,
            count=count,
        )
        tripped = await self._changes.settings(place, channel)
        if changed:
            # Of several at once, the one that tripped it.
            await self._notify(BreakerTripped(place, tripped, count), channel)
        return tripped

    async def reset(self, actor: Actor) -> None:
        """End it, and count anew from now. Raises Refused."""
        await self._authority.admit(RESET_BREAKER, actor, within_seconds=CLICK_SECONDS)
        now = await self._store.now()
        changed = await self._changes.change(
            actor.place,
            actor.channel,
            lambda before: (
                replace(before, breaker_until=None, breaker_since=now)
                if now < (before.breaker_until or 0)
                else before
            ),
            name="breaker_reset",
            by=actor.user,
        )
        if not changed:
            raise Refused("breaker_not_tripped")
