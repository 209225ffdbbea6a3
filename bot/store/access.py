"""One-time links and people's sessions."""

from dataclasses import asdict
from functools import partial

from bot.domain.audit import Event
from bot.domain.connection import TRIES_PER_LINK, Link, LinkKind, PersonSession
from bot.store import statements_access as statements
from bot.store.database import Repository
from bot.store.steps import Steps, record


class Access(Repository):
    """Hands access out and takes it back."""

    async def put_link(self, link: Link, *, for_ms: int) -> None:
        await self.database.write(partial(_put_link, link, for_ms))

    async def link(self, secret_hash: str) -> Link | None:
        rows = await self.database.read(statements.LINK, {"hash": secret_hash})
        return Link(**{**rows[0], "kind": LinkKind(rows[0]["kind"])}) if rows else None

    async def try_link(self, secret_hash: str) -> bool:
        parameters = {"hash": secret_hash, "most": TRIES_PER_LINK}
        return bool(await self.database.execute(statements.TRY_LINK, parameters))

    async def use_link(self, secret_hash: str) -> bool:
        return bool(await self.database.execute(statements.USE_LINK, {"hash": secret_hash}))

    async def put_session(self, session: PersonSession, event: Event) -> None:
        await self.database.write(partial(_put_session, session, event))

    async def session(self, team: str, channel: str, user: str) -> PersonSession | None:
        rows = await self.database.read(statements.SESSION, {"team": team, "channel": channel, "user": user})
        return PersonSession(**rows[0]) if rows else None

    async def sessions(self) -> list[PersonSession]:
        return [PersonSession(**row) for row in await self.database.read(statements.SESSIONS, {})]

    async def sessions_ending(self, within_ms: int) -> list[PersonSession]:
        rows = await self.database.execute(statements.ENDING, {"within": within_ms})
        return [PersonSession(**row) for row in rows]


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
