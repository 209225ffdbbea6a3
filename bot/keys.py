"""Takes API keys in, shows what may be shown of them, and seals them anew."""

import re
from dataclasses import replace
from typing import Any

from bot.domain import Event
from bot.errors import KeyMissing, KeyNotAccepted
from bot.ports import ChannelKey, OpenedKey, Store, Vault
from bot.workflows import ApiKey

_SHAPE = re.compile(r"vibe_(api|app)_[A-Za-z0-9_-]{8,500}")
_SESSION = re.compile(r"[\x21-\x7e]{8,4000}")


class Keys:
    """The channels' keys. A key leaves only towards Vibecode: people see its first 16 and last 4 characters."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store = store
        self._vault = vault

    async def set(self, team: str, channel: str, key: str, session: str | None, *, by: str) -> ChannelKey:
        """Store a channel's key in place of any former one. Raises KeyNotAccepted."""
        check_key(key, session)
        stored = ChannelKey(
            team=team,
            channel=channel,
            hint=hint(key),
            set_by=by,
            set_at=await self._store.now(),
            **self._sealed(team, channel, key, session),
        )
        await self._store.put_channel_key(stored, _event("key_set", team, channel, by, hint=stored.hint))
        return stored

    async def open(self, team: str, channel: str) -> OpenedKey:
        """Open a channel's key for a call. Raises KeyMissing, KeyUndecryptable."""
        stored = await self._store.channel_key(team, channel)
        if stored is None:
            raise KeyMissing
        session = stored.sealed_session
        key = ApiKey(
            self._vault.open(stored.sealed_key, "key", team, channel),
            self._vault.open(session, "session", team, channel) if session else None,
        )
        return OpenedKey(key, stored.key_id)

    async def all(self) -> list[ChannelKey]:
        return await self._store.channel_keys()

    async def remove(self, team: str, channel: str, *, by: str) -> bool:
        """Forget a channel's key; False: it had none."""
        return await self._store.remove_channel_key(team, channel, _event("key_removed", team, channel, by))

    async def rotate(self, *, by: str) -> int:
        """Seal every key with the first encryption key; returns how many. Raises KeyUndecryptable."""
        stored = await self._store.channel_keys()
        for key in stored:
            place = (key.team, key.channel)
            plain = self._vault.open(key.sealed_key, "key", *place)
            session = key.sealed_session
            anew = replace(
                key,
                sealed_key=self._vault.seal(plain, "key", *place),
                sealed_session=self._vault.seal(
                    self._vault.open(session, "session", *place), "session", *place
                )
                if session
                else None,
                key_id=self._vault.key_id(plain),
            )
            await self._store.put_channel_key(anew, _event("key_rotated", *place, by, hint=key.hint))
        return len(stored)

    def _sealed(self, team: str, channel: str, key: str, session: str | None) -> dict[str, Any]:
        return {
            "sealed_key": self._vault.seal(key, "key", team, channel),
            "sealed_session": self._vault.seal(session, "session", team, channel) if session else None,
            "key_id": self._vault.key_id(key),
        }


def check_key(key: str, session: str | None) -> None:
    """Refuse what cannot stop a workflow, with the reason. Raises KeyNotAccepted, which never repeats the key."""
    if key.startswith("vibe_live_"):
        raise KeyNotAccepted(
            "a management key (vibe_live_…) reaches no workflows; issue a personal key (vibe_api_…) with the scope"
            " bizproc"
        )
    found = _SHAPE.fullmatch(key)
    if not found:
        raise KeyNotAccepted(
            "a key looks like vibe_api_… (or vibe_app_… with a session); nothing else is accepted"
        )
    if found[1] == "app" and session is None:
        raise KeyNotAccepted("an application key (vibe_app_…) needs a session token: add --session")
    if found[1] == "api" and session is not None:
        raise KeyNotAccepted("a personal key (vibe_api_…) goes without a session token: leave --session out")
    if session is not None and not _SESSION.fullmatch(session):
        raise KeyNotAccepted("the session token contains characters that no token has")


def hint(key: str) -> str:
    """Redact a key the way its platform does, unless it is so short that this would give it away."""
    shown = (16, 4) if len(key) >= 32 else (12, 0)  # noqa: PLR2004 -- half of it stays hidden
    return f"{key[: shown[0]]}…{key[len(key) - shown[1] :]}"


def _event(name: str, team: str, channel: str, by: str, **detail: object) -> Event:
    return Event(event=name, team=team, channel=channel, user=by, detail=detail)
