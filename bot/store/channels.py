"""Channels' keys and settings, and channels that move or go away."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from bot.domain.api_key import ChannelKey
from bot.domain.audit import Event
from bot.domain.connection import PersonSession
from bot.domain.termination import dedupe_key
from bot.domain.transitions import moved
from bot.store import payload, statements_access
from bot.store import statements_channels as statements
from bot.store.database import Repository
from bot.store.steps import Recorded, Steps, record

_KEY = ("sealed_key", "sealed_session", "key_id", "hint", "set_by", "set_at")


class Channels(Repository):
    """Reads and changes what belongs to a channel."""

    async def channel_key(self, team: str, channel: str) -> ChannelKey | None:
        rows = await self.database.read(statements.CHANNEL_KEY, {"team": team, "channel": channel})
        return ChannelKey(**dict(rows[0])) if rows else None

    async def channel_keys(self) -> list[ChannelKey]:
        return [ChannelKey(**dict(row)) for row in await self.database.read(statements.CHANNEL_KEYS, {})]

    async def put_channel_key(self, key: ChannelKey, event: Event) -> None:
        await self.database.write(partial(_put_channel_key, key, event))

    async def remove_channel_key(self, team: str, channel: str, event: Event) -> bool:
        return await self.database.write(partial(_remove_channel_key, team, channel, event))

    async def settings(self, team: str, channel: str) -> Mapping[str, Any]:
        rows = await self.database.read(statements.SETTINGS, {"team": team, "channel": channel})
        settings: dict[str, Any] = json.loads(rows[0]["settings"]) if rows else {}
        return settings

    async def replace_settings(
        self, team: str, channel: str, before: Mapping[str, Any], after: Mapping[str, Any], event: Event
    ) -> bool:
        return await self.database.write(partial(_replace_settings, team, channel, before, after, event))

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
        def steps() -> Steps[bool]:
            moved = [
                (yield from _move_row(team, old, new, reseal_key)),
                (yield from _move_sessions(team, old, new, reseal_session)),
                (yield from _move_jobs(team, old, new)),
            ]
            if any(moved):
                yield from record(event)
            return any(moved)

        return await self.database.write(steps)

    async def forget_secrets(self, place: str, event: Event) -> int:
        return await self.database.write(partial(_forget_secrets, place, event))


def _put_channel_key(key: ChannelKey, line: Event) -> Steps[None]:
    yield statements.PUT_CHANNEL_KEY, asdict(key)
    yield from record(line)


def _replace_settings(
    team: str, channel: str, before: Mapping[str, Any], after: Mapping[str, Any], line: Event
) -> Steps[bool]:
    # What was read is written again exactly as it stands, so that the texts can be compared.
    texts = {
        "before": json.dumps(before, ensure_ascii=False),
        "settings": json.dumps(after, ensure_ascii=False),
    }
    place = {"team": team, "channel": channel}
    return bool((yield Recorded(statements.REPLACE_SETTINGS, {**place, **texts}, [line])))


def _remove_channel_key(team: str, channel: str, line: Event) -> Steps[bool]:
    place = {"team": team, "channel": channel}
    return bool((yield Recorded(statements.REMOVE_CHANNEL_KEY, place, [line])))


def _move_row(team: str, old: str, new: str, reseal: Callable[[ChannelKey], ChannelKey]) -> Steps[bool]:
    rows = yield statements.CHANNEL, {"team": team, "channel": old}
    if not rows:
        return False
    row = dict(rows[0])
    settings = row.pop("settings")
    if row["sealed_key"] is not None:
        key = reseal(ChannelKey(team=team, channel=old, **row))
        row = {name: getattr(key, name) for name in _KEY}
    yield statements.ADD_CHANNEL, {"team": team, "channel": new, "settings": settings, **row}
    yield statements.FORGET_CHANNEL, {"team": team, "channel": old}
    return True


def _move_sessions(
    team: str, old: str, new: str, reseal: Callable[[PersonSession], PersonSession]
) -> Steps[bool]:
    rows = yield statements_access.SESSIONS_IN, {"team": team, "channel": old}
    for row in rows:
        yield statements_access.PUT_SESSION, asdict(replace(reseal(PersonSession(**row)), channel=new))
    yield statements_access.FORGET_SESSIONS_IN, {"team": team, "channel": old}
    return bool(rows)


def _move_jobs(team: str, old: str, new: str) -> Steps[bool]:
    rows = yield statements.OPEN_TO_MOVE, {"team": team, "channel": old}
    for row in rows:
        termination = moved(payload.decode(row["payload"]), old, new)
        yield (
            statements.MOVE_JOB,
            {
                "id": row["id"],
                "payload": payload.encode(termination),
                "twin": dedupe_key(termination),
                "channel": new,
            },
        )
    return bool(rows)


def _forget_secrets(place: str, line: Event) -> Steps[int]:
    of = {"team": place, "within": f"{place}/%"}
    keys = yield statements.FORGET_KEYS, of
    yield statements.LEAVE_CHANNELS, of
    sessions = yield statements.FORGET_SESSIONS, of
    links = yield statements.FORGET_LINKS, of
    count = len(keys) + len(sessions) + len(links)
    detail = {"keys": len(keys), "sessions": len(sessions), "links": len(links)}
    yield from record(replace(line, detail={**line.detail, **detail}))
    return count
