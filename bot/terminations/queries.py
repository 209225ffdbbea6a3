"""Questions that stop nothing: what is under way in a channel, and what an instance is."""

from bot.channels.authority import Authority
from bot.channels.keys import Keys
from bot.channels.refusals import unusable_keys_refused
from bot.domain.command import Word, workflow_id
from bot.domain.errors import Refused, VibecodeError
from bot.domain.instance import Found
from bot.domain.job import Job
from bot.domain.permissions import Actor
from bot.domain.termination import Outcome
from bot.instances.finder import Finder
from bot.ports.store import TerminationStore


class Queries:
    """Answers from the database and from the list of running workflows. Raises Refused."""

    def __init__(self, store: TerminationStore, authority: Authority, keys: Keys, finder: Finder) -> None:
        self._store = store
        self._authority = authority
        self._keys = keys
        self._finder = finder

    async def status(self, actor: Actor) -> list[Job]:
        """The terminations of this channel that are not finished; a refusal is its requester's alone."""
        await self._authority.admit(Word.STATUS, actor)
        open_ones = await self._store.open_in(actor.place, actor.channel)
        return [job for job in open_ones if job.termination.result.outcome is not Outcome.REFUSED]

    async def show(self, actor: Actor, typed: str) -> Found:
        """Look an instance up."""
        settings = await self._authority.admit(Word.SHOW, actor)
        identifier = workflow_id(typed)
        with unusable_keys_refused(actor.place, actor.channel):
            key = await self._keys.open_for(identifier, actor.place, actor.channel, actor.user)
        try:
            lookup = await self._finder.find(key, identifier)
        except VibecodeError as trouble:
            raise Refused("not_readable", code=trouble.code, status=trouble.status) from trouble
        return Found(identifier, lookup, settings.portal, await self._store.now())
