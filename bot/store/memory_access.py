"""Channels' keys and settings, one-time links and sessions, without a database."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bot.domain.api_key import ChannelKey
from bot.domain.audit import Event
from bot.domain.connection import TRIES_PER_LINK, Link, PersonSession

Place = tuple[str, str]
"""A team and a channel."""


@dataclass(slots=True)
class AccessTables:
    """What a channel holds, and who may reach it."""

    keys: dict[Place, ChannelKey] = field(default_factory=dict)
    settings: dict[Place, Mapping[str, Any]] = field(default_factory=dict)
    left: dict[Place, int] = field(default_factory=dict)
    """When each workspace's channels were left."""
    links: dict[str, Link] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)
    sessions: dict[tuple[str, str, str], PersonSession] = field(default_factory=dict)
    told: set[tuple[str, str, str]] = field(default_factory=set)


class MemoryAccessStore(ABC):
    """The part of the store in memory that knows the channels and who may reach them."""

    @abstractmethod
    def _access(self) -> AccessTables: ...

    @abstractmethod
    def _record(self, *events: Event) -> None: ...

    @abstractmethod
    def _move_jobs(self, team: str, old: str, new: str) -> bool: ...

    @abstractmethod
    async def now(self) -> int: ...

    async def channel_key(self, team: str, channel: str) -> ChannelKey | None:
        return self._access().keys.get((team, channel))

    async def channel_keys(self) -> list[ChannelKey]:
        return [key for _, key in sorted(self._access().keys.items())]

    async def put_channel_key(self, key: ChannelKey, event: Event) -> None:
        self._record(event)
        self._access().keys[key.team, key.channel] = key
        self._access().left.pop((key.team, key.channel), None)

    async def remove_channel_key(self, team: str, channel: str, event: Event) -> bool:
        removed = self._access().keys.pop((team, channel), None)
        if removed:
            self._record(event)
        return removed is not None

    async def settings(self, team: str, channel: str) -> Mapping[str, Any]:
        return self._access().settings.get((team, channel), {})

    async def replace_settings(
        self, team: str, channel: str, before: Mapping[str, Any], after: Mapping[str, Any], event: Event
    ) -> bool:
        if self._access().settings.get((team, channel), before) != before:
            return False
        self._record(event)
        self._access().settings[team, channel] = dict(after)
        return True

    async def put_link(self, link: Link, *, for_ms: int) -> None:
        access, now = self._access(), await self.now()
        about = (link.kind, link.team, link.channel, link.user)
        access.links = {
            name: kept
            for name, kept in access.links.items()
            if kept.expires_at > now and (kept.kind, kept.team, kept.channel, kept.user) != about
        }
        access.links[link.hash] = replace(link, expires_at=now + for_ms)
        access.tries[link.hash] = 0

    async def link(self, secret_hash: str) -> Link | None:
        link = self._access().links.get(secret_hash)
        return link if link is not None and link.expires_at > await self.now() else None

    async def try_link(self, secret_hash: str) -> bool:
        if await self.link(secret_hash) is None or self._access().tries[secret_hash] >= TRIES_PER_LINK:
            return False
        self._access().tries[secret_hash] += 1
        return True

    async def use_link(self, secret_hash: str) -> bool:
        link = await self.link(secret_hash)
        self._access().links.pop(secret_hash, None)
        return link is not None

    async def put_session(self, session: PersonSession, event: Event) -> None:
        self._record(event)
        place = (session.team, session.channel, session.user)
        self._access().sessions[place] = session
        self._access().told.discard(place)

    async def session(self, team: str, channel: str, user: str) -> PersonSession | None:
        return self._access().sessions.get((team, channel, user))

    async def sessions(self) -> list[PersonSession]:
        return [session for _, session in sorted(self._access().sessions.items())]

    async def sessions_ending(self, within_ms: int) -> list[PersonSession]:
        access, now = self._access(), await self.now()
        ending = {
            place: session
            for place, session in access.sessions.items()
            if place not in access.told and now < session.expires_at <= now + within_ms
        }
        access.told.update(ending)
        return list(ending.values())

    async def move_channel(
        self,
        team: str,
        old: str,
        new: str,
        *,
        reseal_key: Callable[[ChannelKey], ChannelKey],
        reseal_session: Callable[[PersonSession], PersonSession],
        event: Event,
    ) -> bool:
        access = self._access()
        before, after = (team, old), (team, new)
        key, settings = access.keys.pop(before, None), access.settings.pop(before, None)
        sessions = [place for place in access.sessions if place[:2] == before]
        has_row = after in access.keys or after in access.settings
        if key is not None and not has_row:
            access.keys[after] = reseal_key(key)
        if settings is not None and not has_row:
            access.settings[after] = settings
        for place in sessions:
            session = reseal_session(access.sessions.pop(place))
            access.sessions[team, new, session.user] = session
        moved = key is not None or settings is not None or bool(sessions)
        moved = self._move_jobs(team, old, new) or moved
        if moved:
            self._record(event)
        return moved

    async def forget_secrets(self, place: str, event: Event) -> int:
        access = self._access()

        def is_there(team: str) -> bool:
            return team == place or team.startswith(f"{place}/")

        keys = [key for key in access.keys if is_there(key[0])]
        sessions = [key for key in access.sessions if is_there(key[0])]
        links = [link.hash for link in access.links.values() if is_there(link.team)]
        for key in keys:
            del access.keys[key]
        now = await self.now()
        for channel in (*keys, *access.settings):
            if is_there(channel[0]):
                access.left.setdefault(channel, now)
        for session in sessions:
            del access.sessions[session]
        for link in links:
            del access.links[link]
        detail = {"keys": len(keys), "sessions": len(sessions), "links": len(links)}
        self._record(replace(event, detail={**event.detail, **detail}))
        return len(keys) + len(sessions) + len(links)

    def _forget_left(self, before: int) -> int:
        access = self._access()
        gone = [place for place, at in access.left.items() if at < before and place not in access.keys]
        for place in gone:
            access.settings.pop(place, None)
            del access.left[place]
        return len(gone)
