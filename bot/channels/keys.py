"""Takes API keys in, shows what may be shown of them, and seals them anew."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from bot.domain.api_key import APPLICATION, ApiKey, ChannelKey, KeyFault, OpenedKey
from bot.domain.audit import Event
from bot.domain.connection import PersonSession
from bot.domain.errors import KeyMissing, KeyNotAccepted, KeyUndecryptable, SessionMissing
from bot.domain.practice import is_practice, practice_key
from bot.ports.store import ChannelStore, Store
from bot.ports.vault import Vault

_SHAPE = re.compile(r"vibe_(api|app)_[A-Za-z0-9_-]{8,500}")
_SESSION = re.compile(r"[\x21-\x7e]{8,4000}")


class Keys:
    """The channels' keys. A key leaves only towards Vibecode: people see its first 16 and last 4 characters."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store = store
        self._vault = vault

    async def set(
        self, team: str, channel: str, key: str, session: str | None, *, by: str, people_connect: bool = False
    ) -> ChannelKey:
        """Store a channel's key in place of any former one. Raises KeyNotAccepted.

        ``people_connect``: an application's key may come without a session, since each person brings their own.
        """
        check_key(key, session, people_connect=people_connect)
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

    async def open(self, team: str, channel: str, user: str | None = None) -> OpenedKey:
        """Open a channel's key for a call; an application's key acts as this person. Raises KeyUnusable."""
        stored = await self._store.channel_key(team, channel)
        if stored is None:
            raise KeyMissing
        value = self._vault.open(stored.sealed_key, "key", team, channel)
        if not value.startswith(APPLICATION):
            return OpenedKey(ApiKey(value), stored.key_id)
        return OpenedKey(ApiKey(value, await self._session(stored, user)), stored.key_id)

    async def open_for(self, workflow_id: str, team: str, channel: str, user: str) -> OpenedKey:
        """Open what reaches this instance: the channel's key, or for a made-up one a key of its own.

        Raises KeyUnusable: practice needs the channel's key as well, though Vibecode is not called with it.
        """
        opened = await self.open(team, channel, user)
        return practice_key(workflow_id) if is_practice(workflow_id) else opened

    async def _session(self, stored: ChannelKey, user: str | None) -> str:
        """Open the person's own session, or the one that was stored with the key. Raises SessionMissing."""
        team, channel = stored.team, stored.channel
        own = await self._store.session(team, channel, user) if user else None
        if own is not None and own.expires_at > await self._store.now():
            return self._vault.open(own.sealed_session, *session_context(own))
        if stored.sealed_session is not None:
            return self._vault.open(stored.sealed_session, "session", team, channel)
        raise SessionMissing("TOKEN_MISSING" if own is None else "TOKEN_EXPIRED")

    async def application(self, team: str, channel: str) -> str | None:
        """Open the channel's application key; None for a personal one. Raises KeyUnusable."""
        stored = await self._store.channel_key(team, channel)
        if stored is None:
            raise KeyMissing
        value = self._vault.open(stored.sealed_key, "key", team, channel)
        return value if value.startswith(APPLICATION) else None

    async def connect(self, session: PersonSession, token: str) -> PersonSession:
        """Keep a person's session, sealed for this person in this channel. Raises KeyNotAccepted."""
        if not _SESSION.fullmatch(token):
            raise KeyNotAccepted(KeyFault.NO_TOKEN)
        sealed = replace(session, sealed_session=self._vault.seal(token, *session_context(session)))
        connected = _event("connected", session.team, session.channel, session.user, account=session.name)
        await self._store.put_session(sealed, connected)
        return sealed

    async def move(self, team: str, old: str, new: str, *, by: str) -> bool:
        """Give all that belongs to a channel to its new id; what is sealed is sealed anew for it."""
        return await self._store.move_channel(
            team,
            old,
            new,
            reseal_key=lambda key: self._resealed(key, replace(key, channel=new)),
            reseal_session=lambda session: self._resealed_session(session, replace(session, channel=new)),
            event=_event("channel_moved", team, new, by, before=old),
        )

    async def remove(self, team: str, channel: str, *, by: str) -> bool:
        """Forget a channel's key; False: it had none."""
        return await remove_key(self._store, team, channel, by=by)

    async def rotate(self, *, by: str) -> int:
        """Seal every key with the first encryption key; returns how many.

        Raises KeyUndecryptable, which names the one that does not open; then none was changed.
        """
        keys, sessions = await self._store.channel_keys(), await self._store.sessions()
        resealed = []
        for key in keys:
            with _named(f"The key of {key.team} {key.channel}"):
                resealed.append(self._resealed(key, key))
        resealed_sessions = []
        for session in sessions:
            with _named(f"The session of {session.user} in {session.team} {session.channel}"):
                resealed_sessions.append(self._resealed_session(session, session))
        for key in resealed:
            rotated = _event("key_rotated", key.team, key.channel, by, hint=key.hint)
            await self._store.put_channel_key(key, rotated)
        for session in resealed_sessions:
            place = (session.team, session.channel, by)
            await self._store.put_session(session, _event("session_rotated", *place, of=session.user))
        return len(keys)

    def _resealed(self, key: ChannelKey, target: ChannelKey) -> ChannelKey:
        plain = self._vault.open(key.sealed_key, "key", key.team, key.channel)
        sealed = key.sealed_session
        session = self._vault.open(sealed, "session", key.team, key.channel) if sealed else None
        return replace(target, **self._sealed(target.team, target.channel, plain, session))

    def _resealed_session(self, session: PersonSession, target: PersonSession) -> PersonSession:
        plain = self._vault.open(session.sealed_session, *session_context(session))
        return replace(target, sealed_session=self._vault.seal(plain, *session_context(target)))

    def _sealed(self, team: str, channel: str, key: str, session: str | None) -> dict[str, Any]:
        return {
            "sealed_key": self._vault.seal(key, "key", team, channel),
            "sealed_session": self._vault.seal(session, "session", team, channel) if session else None,
            "key_id": self._vault.key_id(key),
        }


async def remove_key(store: ChannelStore, team: str, channel: str, *, by: str) -> bool:
    """Forget a channel's key, for which nothing has to be opened; False: it had none."""
    return await store.remove_channel_key(team, channel, _event("key_removed", team, channel, by))


def session_context(session: PersonSession) -> tuple[str, ...]:
    """What a person's session is bound to: it opens for nobody else and nowhere else."""
    return ("person", session.team, session.channel, session.user)


def check_key(key: str, session: str | None, *, people_connect: bool = False) -> None:
    """Refuse what cannot stop a workflow, with the reason. Raises KeyNotAccepted, which never repeats the key."""
    if key.startswith("vibe_live_"):
        raise KeyNotAccepted(KeyFault.MANAGEMENT)
    found = _SHAPE.fullmatch(key)
    if not found:
        raise KeyNotAccepted(KeyFault.NO_KEY)
    if found[1] == "app" and session is None and not people_connect:
        raise KeyNotAccepted(KeyFault.NEEDS_SESSION)
    if found[1] == "api" and session is not None:
        raise KeyNotAccepted(KeyFault.NEEDS_NO_SESSION)
    if session is not None and not _SESSION.fullmatch(session):
        raise KeyNotAccepted(KeyFault.NO_TOKEN)


def hint(key: str) -> str:
    """Redact a key the way its platform does, unless it is so short that this would give it away."""
    shown = (16, 4) if len(key) >= 32 else (12, 0)  # noqa: PLR2004 -- half of it stays hidden
    return f"{key[: shown[0]]}…{key[len(key) - shown[1] :]}"


@contextmanager
def _named(what: str) -> Iterator[None]:
    """Say which one does not open, for somebody who seals all of them anew."""
    try:
        yield
    except KeyUndecryptable:
        raise KeyUndecryptable(
            f"{what} opens with none of the encryption keys; nothing was changed. Put the former key back into"
            " HALTBOT_ENCRYPTION_KEYS"
        ) from None


def _event(name: str, team: str, channel: str, by: str, **detail: object) -> Event:
    return Event(event=name, team=team, channel=channel, user=by, detail=detail)
