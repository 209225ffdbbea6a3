"""Channels' keys and settings."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

from bot.domain.api_key import ChannelKey
from bot.domain.audit import Event
from bot.store import statements_channels as statements
from bot.store.repository import Repository
from bot.store.steps import Recorded, Steps, record


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

    async def admitted_since(self, team: str, channel: str, since: int) -> int:
        parameters = {"team": team, "channel": channel, "since": since}
        (row,) = await self.database.read(statements.ADMITTED, parameters)
        return int(row["admitted"])


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
