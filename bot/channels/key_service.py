"""What people do with a channel's key without writing it in chat: see it, hand one in, remove it."""

from dataclasses import dataclass

from bot.channels.authority import CLICK_SECONDS, WORK_SECONDS, Actor, Authority
from bot.channels.key_check import examine
from bot.channels.keys import Keys, check_key
from bot.channels.links import Links
from bot.channels.refusals import refusals_recorded
from bot.domain.api_key import APPLICATION, ApiKey, KeyCard, KeyFacts, KeyReport
from bot.domain.channel_settings import Role
from bot.domain.connection import Holder, Link, LinkKind
from bot.domain.errors import FactsUnavailable, KeyNotAccepted, KeyUnusable, Refused, SessionMissing
from bot.ports.access import AccessStore
from bot.ports.core import Workflows

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
        self, store: AccessStore, keys: Keys, links: Links, workflows: Workflows, authority: Authority
    ) -> None:
        self._store = store
        self._keys = keys
        self._links = links
        self._workflows = workflows
        self._authority = authority

    async def card(self, holder: Holder) -> KeyCard:
        """Look at the channel's key, ask Vibecode about it, and make a link for its successor. Raises Refused."""
        await self._require(holder, holder.team, WORK_SECONDS)
        key = await self._store.channel_key(holder.team, holder.channel)
        address = await self._links.issue(LinkKind.KEY, holder)
        now = await self._store.now()
        if key is None:
            return KeyCard(key=None, report=None, worked_at=None, session=None, address=address, at=now)
        return KeyCard(
            key=key,
            report=await self._report(holder),
            worked_at=await self._store.worked_at(holder.team, holder.channel, since=key.set_at),
            session=await self._store.session(holder.team, holder.channel, holder.user),
            address=address,
            at=now,
        )

    async def remove(self, holder: Holder, *, home: str) -> bool:
        """Forget the channel's key; False: it had none. Raises Refused."""
        await self._require(holder, home, CLICK_SECONDS)
        return await self._keys.remove(holder.team, holder.channel, by=f"{PERSON}{holder.user}")

    async def link(self, secret: str) -> Link | None:
        """Read what a link is for; None once it was used or has expired."""
        return await self._links.find(LinkKind.KEY, secret)

    async def hand_in(self, link: Link, key: str) -> HandedIn:
        """Check a key and store it; the link ends with the first one that is stored. Raises Refused."""
        if not await self._links.may_try(link):
            raise Refused("link_gone")
        await self._require(
            Holder(team=link.team, channel=link.channel, user=link.user), link.team, WORK_SECONDS
        )
        try:
            check_key(key, None, people_connect=True)
        except KeyNotAccepted as refused:
            return HandedIn(stored=False, report=KeyReport(KeyFacts(), problem=f"{refused}."))
        report = KeyReport(KeyFacts(kind="app"))
        if not key.startswith(APPLICATION):
            report = await examine(self._workflows, ApiKey(key), await self._store.now())
        if report.problem is not None:
            return HandedIn(stored=False, report=report)
        if not await self._links.use(link):
            raise Refused("link_gone")
        stored = await self._keys.set(
            link.team, link.channel, key, None, by=f"{PERSON}{link.user}", people_connect=True
        )
        return HandedIn(stored=True, report=report, hint=stored.hint)

    async def _require(self, holder: Holder, home: str, within_seconds: float) -> None:
        actor = Actor(user=holder.user, home=home, place=holder.team, channel=holder.channel)
        async with refusals_recorded(self._store, holder.attempt("key")):
            settings = await self._authority.settings(holder.team, holder.channel)
            try:
                await self._authority.require(Role.CONFIGURE, actor, settings, within_seconds=within_seconds)
            except FactsUnavailable as unavailable:
                raise Refused("press_again") from unavailable

    async def _report(self, holder: Holder) -> KeyReport | None:
        try:
            opened = await self._keys.open(holder.team, holder.channel, holder.user)
        except SessionMissing:
            return None
        except KeyUnusable as unusable:
            return KeyReport(KeyFacts(), problem=f"it cannot be opened ({unusable.code}).")
        return await examine(self._workflows, opened.key, await self._store.now())
