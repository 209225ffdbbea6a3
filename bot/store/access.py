"""One-time links, people's sessions, and channels that move or go away."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from bot.domain.api_key import ChannelKey
from bot.domain.audit import Event
from bot.domain.connection import TRIES_PER_LINK, Link, LinkKind, PersonSession
from bot.domain.practice import PREFIX
from bot.domain.termination import dedupe_key
from bot.domain.transitions import moved
from bot.store import payload
from bot.store import statements_access as statements
from bot.store.repository import Repository
from bot.store.steps import Row, Steps, record

_KEY = ("sealed_key", "sealed_session", "key_id", "hint", "set_by", "set_at")


class Access(Repository):
    """Hands access out and takes it back."""

    async def put_link(self, link: Link, *, for_ms: int) -> None:
        await self.database.write(partial(_put_link, link, for_ms))

    async def link(self, secret_hash: str) -> Link | None:
        rows = await self.database.read(statements.LINK, {"hash": secret_hash})
        return Link(**{**rows[0], "kind": LinkKind(rows[0]["kind"])}) if rows else None

    async def try_link(self, secret_hash: str) -> bool:
        parameters = {"hash": secret_hash, "most": TRIES_PER_LINK}
        return bool(await self.database.write(partial(_rows, statements.TRY_LINK, parameters)))

    async def use_link(self, secret_hash: str) -> bool:
        return bool(await self.database.write(partial(_rows, statements.USE_LINK, {"hash": secret_hash})))

    async def put_session(self, session: PersonSession, event: Event) -> None:
        await self.database.write(partial(_put_session, session, event))

    async def session(self, team: str, channel: str, user: str) -> PersonSession | None:
        rows = await self.database.read(statements.SESSION, {"team": team, "channel": channel, "user": user})
        return PersonSession(**rows[0]) if rows else None

    async def sessions(self) -> list[PersonSession]:
        return [PersonSession(**row) for row in await self.database.read(statements.SESSIONS, {})]

    async def sessions_ending(self, within_ms: int) -> list[PersonSession]:
        rows = await self.database.write(partial(_rows, statements.ENDING, {"within": within_ms}))
        return [PersonSession(**row) for row in rows]

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

    async def worked_at(self, team: str, channel: str, *, since: int) -> int | None:
        asked = {"team": team, "channel": channel, "since": since, "practice": f"{PREFIX}%"}
        (row,) = await self.database.read(statements.WORKED_AT, asked)
        return None if row["at"] is None else int(row["at"])


def _rows(statement: str, parameters: Mapping[str, Any]) -> Steps[list[Row]]:
    return (yield statement, parameters)


def _put_link(link: Link, for_ms: int) -> Steps[None]:
    parameters = asdict(link)
    del parameters["expires_at"]
    parameters["kind"] = link.kind.value
    about = {name: parameters[name] for name in ("kind", "team", "channel", "user")}
    yield statements.END_LINKS, about
    yield statements.PUT_LINK, {**parameters, "delay": for_ms}


def _put_session(session: PersonSession, line: Event) -> Steps[None]:
    yield statements.PUT_SESSION, asdict(session)
    yield from record(line)


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
    rows = yield statements.SESSIONS_IN, {"team": team, "channel": old}
    for row in rows:
        yield statements.PUT_SESSION, asdict(replace(reseal(PersonSession(**row)), channel=new))
    yield statements.FORGET_SESSIONS_IN, {"team": team, "channel": old}
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
