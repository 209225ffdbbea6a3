"""Questions that stop nothing: what an instance is, and what is under way in a channel."""

from bot.channels.keys import Keys
from bot.channels.refusals import unusable_keys_refused
from bot.domain.command import workflow_id
from bot.domain.errors import Refused, VibecodeError
from bot.domain.instance import Found
from bot.domain.job import Job
from bot.domain.termination import Outcome
from bot.instances.finder import Lookout
from bot.ports.core import Store


class Enquiries:
    """Answers from the database and from the list of running workflows."""

    def __init__(self, store: Store, keys: Keys, lookout: Lookout) -> None:
        self._store = store
        self._keys = keys
        self._lookout = lookout

    async def under_way(self, team: str, channel: str) -> list[Job]:
        """The terminations of this channel that are not finished; a refusal is its requester's alone."""
        open_ones = await self._store.open_in(team, channel)
        return [job for job in open_ones if job.termination.result.outcome is not Outcome.REFUSED]

    async def show(self, team: str, channel: str, user: str, typed: str) -> Found:
        """Look an instance up. Raises Refused."""
        identifier = workflow_id(typed)
        with unusable_keys_refused(team, channel):
            key = await self._keys.open(team, channel, user)
        try:
            sighting = await self._lookout.find(key, identifier)
        except VibecodeError as trouble:
            raise Refused("not_readable", code=trouble.code, status=trouble.status) from trouble
        settings = await self._store.settings(team, channel)
        return Found(identifier, sighting, settings.get("portal"), await self._store.now())
