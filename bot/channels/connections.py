"""Connects people's Bitrix24 accounts to a channel's application key, and goes on with what waited for it."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any

from bot.channels.authority import Authority
from bot.channels.keys import Keys
from bot.channels.links import Links
from bot.channels.refusals import refusals_recorded, unusable_keys_refused
from bot.domain.command import Word
from bot.domain.connection import Granted, Link, LinkKind, PersonSession
from bot.domain.errors import (
    Definite,
    HaltbotError,
    KeyNotAccepted,
    Refused,
    StoreError,
    VibecodeError,
)
from bot.domain.notices import Connected, NotConnected, SessionEnds
from bot.domain.permissions import Actor
from bot.domain.transitions import is_requester
from bot.ports.messenger import Notify
from bot.ports.store import Store
from bot.ports.vault import Vault
from bot.ports.workflows import Authorisation

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
REMIND_MS = 60 * 60 * 1000
"""So long before a session ends its person is told."""
REMIND_SECONDS = 60.0

Resume = Callable[[str, str], Awaitable[bool]]


class Connections:
    """``resume`` goes on with a refused termination; it is told the reference and who has connected."""

    def __init__(
        self,
        store: Store,
        authority: Authority,
        keys: Keys,
        vault: Vault,
        links: Links,
        authorisation: Authorisation,
        *,
        notify: Notify,
        resume: Resume,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._store = store
        self._authority = authority
        self._keys = keys
        self._vault = vault
        self._links = links
        self._authorisation = authorisation
        self._notify = notify
        self._resume = resume
        self._poll_seconds = poll_seconds
        self._polling: dict[str, asyncio.Task[None]] = {}

    async def start(self, actor: Actor) -> str:
        """Make the link with which somebody connects. Raises Refused, which is recorded."""
        await self._authority.admit(Word.CONNECT, actor)
        async with refusals_recorded(self._store, actor.attempt(wanted=Word.CONNECT)):
            return await self._start(actor, None)

    async def start_for(self, reference: str, clicker: Actor) -> str:
        """The same for whoever was refused for want of a session; that then goes on. Raises Refused."""
        await self._authority.admit(Word.CONNECT, clicker)
        attempt = replace(clicker.attempt(wanted=Word.CONNECT), reference=reference)
        async with refusals_recorded(self._store, attempt):
            found = await self._store.find(reference)
            if found is None:
                raise Refused("question_gone")
            asked = found.termination
            if not is_requester(asked, user=clicker.user, home=clicker.home):
                raise Refused("not_the_requester", requester=asked.request.user)
            return await self._start(Actor.of(asked.request), reference)

    async def _start(self, actor: Actor, reference: str | None) -> str:
        with unusable_keys_refused(actor.place, actor.channel):
            application = await self._keys.application(actor.place, actor.channel)
        if application is None:
            raise Refused("nothing_to_connect")
        state = secrets.token_urlsafe(32)
        address = await self._links.issue(
            LinkKind.CONNECT, actor, sealed=self._vault.seal(state, *_context(actor)), reference=reference
        )
        if address is None:
            raise Refused("no_public_url", what="connect")
        return address

    async def follow(self, secret: str) -> str | None:
        """Tell where the browser of whoever follows a link goes, and wait for the session from now on.

        None: the link has ended. Raises KeyUnusable.
        """
        link = await self._links.find(LinkKind.CONNECT, secret)
        if link is None or link.sealed is None:
            return None
        application = await self._keys.application(link.team, link.channel)
        if application is None:
            return None
        state = self._vault.open(link.sealed, *_context(link.actor))
        if link.hash not in self._polling:
            self._keep(link.hash, self._wait_for(link, application, state))
        return self._authorisation.address(application, state)

    async def serve(self) -> None:
        """Announce the end of sessions in advance, as long as Haltbot runs."""
        while True:
            try:
                for session in await self._store.sessions_ending(REMIND_MS):
                    await self._notify(SessionEnds(session), session.user)
            except StoreError as error:
                log.warning("Whose session ends soon could not be read: %s", error)
            await asyncio.sleep(REMIND_SECONDS)

    async def close(self) -> None:
        """Stop waiting; whoever follows the link again goes on where it was."""
        for task in self._polling.values():
            task.cancel()
        await asyncio.gather(*self._polling.values(), return_exceptions=True)

    def _keep(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._polling[name] = task
        task.add_done_callback(lambda _: self._polling.pop(name, None))

    async def _wait_for(self, link: Link, application: str, state: str) -> None:
        try:
            granted = await self._granted(link, application, state)
            if granted is not None and await self._store.use_link(link.hash):
                await self._connect(link, granted)
        except HaltbotError as error:
            log.warning("An account could not be connected: %s", error)
            await self._notify(NotConnected(), link.user)

    async def _granted(self, link: Link, application: str, state: str) -> Granted | None:
        while await self._store.now() < link.expires_at:
            try:
                granted = await self._authorisation.poll(application, state)
            except Definite:
                raise
            except VibecodeError as trouble:
                log.info("Vibecode could not say whether an account was connected: %s", trouble)
                granted = None
            if granted is not None:
                return granted
            await asyncio.sleep(self._poll_seconds)
        return None

    async def _connect(self, link: Link, granted: Granted) -> None:
        now = await self._store.now()
        session = PersonSession(
            team=link.team,
            channel=link.channel,
            user=link.user,
            sealed_session="",
            name=granted.account,
            expires_at=now + granted.seconds * 1000,
            connected_at=now,
        )
        try:
            await self._keys.connect(session, granted.token)
        except KeyNotAccepted:
            await self._notify(NotConnected(), link.user)
            return
        try:
            resumed = link.reference is not None and await self._resume(link.reference, link.user)
        except StoreError as error:
            # They are connected; if it goes on all the same, its message says so.
            log.warning("Whether what was refused goes on could not be recorded: %s", error)
            resumed = False
        await self._notify(Connected(session, resumed), link.user)


def _context(actor: Actor) -> tuple[str, ...]:
    return ("connect", actor.place, actor.channel, actor.user)
