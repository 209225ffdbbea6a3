"""The use cases around a channel's settings: seeing them, changing them, ending the breaker."""

from collections.abc import Mapping
from typing import Any

from bot.channels.authority import CLICK_SECONDS, Actor, Authority
from bot.channels.breaker import Breaker
from bot.channels.refusals import refusals_recorded
from bot.channels.settings_changes import Configuring
from bot.domain.audit import Event
from bot.domain.channel_settings import ChannelSettings, Role
from bot.domain.errors import FactsUnavailable, Refused
from bot.domain.permissions import HOPELESS, Verdict
from bot.ports.core import Store


class Administration:
    """Every refusal is recorded. Raises Refused, and SettingsNotAccepted for what cannot be set."""

    def __init__(
        self, store: Store, authority: Authority, configuring: Configuring, breaker: Breaker
    ) -> None:
        self._store = store
        self._authority = authority
        self._configuring = configuring
        self._breaker = breaker

    async def admit(self, actor: Actor) -> None:
        """Let everybody in who may use Haltbot at all."""
        await self.settings(actor)

    async def settings(self, actor: Actor) -> tuple[ChannelSettings, bool]:
        """Read a channel's settings, and tell whether this person may change them."""
        async with refusals_recorded(self._store, _attempt(actor)):
            settings = await self._authority.settings(actor.place, actor.channel)
            verdict = await self._verdict(actor, Role.CONFIGURE, settings)
            if verdict.reply in HOPELESS:
                raise verdict.refused()
        return settings, verdict.allowed

    async def change(self, actor: Actor, changes: Mapping[str, Any]) -> list[str]:
        """Change what is named; returns the names of what became different."""
        await self._require(actor, Role.CONFIGURE)
        changed = await self._configuring.set(actor.place, actor.channel, changes, by=actor.user)
        return sorted(changed)

    async def reset_breaker(self, actor: Actor) -> None:
        """End second-person mode."""
        await self._require(actor, Role.APPROVE)
        if not await self._breaker.reset(actor.place, actor.channel, by=actor.user):
            raise Refused("breaker_not_tripped")

    async def _require(self, actor: Actor, role: Role) -> None:
        async with refusals_recorded(self._store, _attempt(actor, role=role)):
            settings = await self._authority.settings(actor.place, actor.channel)
            verdict = await self._verdict(actor, role, settings)
            if not verdict.allowed:
                raise verdict.refused()

    async def _verdict(self, actor: Actor, role: Role, settings: ChannelSettings) -> Verdict:
        try:
            found = await self._authority.verdicts(actor, settings, (role,), within_seconds=CLICK_SECONDS)
        except FactsUnavailable:
            raise Refused("press_again") from None
        return found[role]


def _attempt(actor: Actor, **detail: object) -> Event:
    return Event(
        event="refused",
        team=actor.place,
        channel=actor.channel,
        user=actor.user,
        detail={"about": "settings", **detail},
    )
