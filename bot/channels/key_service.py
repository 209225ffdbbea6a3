"""What people do with a channel's key without writing it in chat: see it, hand one in, remove it."""

from dataclasses import dataclass

from bot.channels.authority import CLICK_SECONDS, Authority
from bot.channels.key_check import examine_key
from bot.channels.keys import Keys, check_key
from bot.channels.links import Links
from bot.domain.api_key import APPLICATION, ApiKey, KeyCard, KeyFacts, KeyReport
from bot.domain.command import Word
from bot.domain.connection import Link, LinkKind
from bot.domain.errors import KeyNotAccepted, KeyUnusable, Refused, SessionMissing
from bot.domain.permissions import Actor
from bot.ports.store import Store
from bot.ports.workflows import Workflows

PERSON = "user:"


@dataclass(frozen=True, slots=True)
class HandedIn:
    """What became of a key that was handed in."""

    stored: bool
    report: KeyReport
    hint: str = ""


class KeyService:
    """Only for those who may configure the channel: asked at the command, at the press and at the page."""

    def __init__(
        self, store: Store, keys: Keys, links: Links, workflows: Workflows, authority: Authority
    ) -> None:
        self._store = store
        self._keys = keys
        self._links = links
        self._workflows = workflows
        self._authority = authority

    async def card(self, actor: Actor) -> KeyCard:
        """Look at the channel's key, ask Vibecode about it, and make a link for its successor. Raises Refused."""
        await self._authority.admit(Word.KEY, actor)
        key = await self._store.channel_key(actor.place, actor.channel)
        address = await self._links.issue(LinkKind.KEY, actor)
        now = await self._store.now()
        if key is None:
            return KeyCard(key=None, report=None, worked_at=None, session=None, address=address, at=now)
        return KeyCard(
            key=key,
            report=await self._report(actor),
            worked_at=await self._store.worked_at(actor.place, actor.channel, since=key.set_at),
            session=await self._store.session(actor.place, actor.channel, actor.user),
            address=address,
            at=now,
        )

    async def remove(self, actor: Actor) -> bool:
        """Forget the channel's key; False: it had none. Raises Refused."""
        await self._authority.admit(Word.KEY, actor, within_seconds=CLICK_SECONDS)
        return await self._keys.remove(actor.place, actor.channel, by=f"{PERSON}{actor.user}")

    async def link(self, secret: str) -> Link | None:
        """Read what a link is for; None once it was used or has expired."""
        return await self._links.find(LinkKind.KEY, secret)

    async def hand_in(self, link: Link, key: str) -> HandedIn:
        """Check a key and store it; the link ends with the first one that is stored. Raises Refused."""
        if not await self._store.try_link(link.hash):
            raise Refused("link_gone")
        await self._authority.admit(Word.KEY, link.actor)
        try:
            check_key(key, None, people_connect=True)
        except KeyNotAccepted as refused:
            return HandedIn(stored=False, report=KeyReport(KeyFacts(), problem=refused.fault))
        report = KeyReport(KeyFacts(kind="app"))
        if not key.startswith(APPLICATION):
            report = await examine_key(self._workflows, ApiKey(key), await self._store.now())
        if report.problem is not None:
            return HandedIn(stored=False, report=report)
        if not await self._store.use_link(link.hash):
            raise Refused("link_gone")
        stored = await self._keys.set(
            link.team, link.channel, key, None, by=f"{PERSON}{link.user}", people_connect=True
        )
        return HandedIn(stored=True, report=report, hint=stored.hint)

    async def _report(self, actor: Actor) -> KeyReport | None:
        try:
            opened = await self._keys.open(actor.place, actor.channel, actor.user)
        except SessionMissing:
            return None
        except KeyUnusable as unusable:
            return KeyReport(KeyFacts(), problem=unusable.code)
        return await examine_key(self._workflows, opened.key, await self._store.now())
