"""What a person sees on Haltbot's Home tab: never more than their channels would show them anyway."""

from collections.abc import Awaitable, Callable

from bot.channels.authority import Authority
from bot.domain.errors import Refused
from bot.domain.findings import Finding
from bot.domain.job import Job
from bot.domain.overview import Overview
from bot.domain.permissions import HOME, Actor
from bot.domain.termination import Outcome, Phase
from bot.ports.directory import Configurers
from bot.ports.messenger import Views
from bot.ports.store import Store

DAY_MS = 24 * 60 * 60 * 1000
MOST_READ = 100
MOST_SHOWN = 10

Channels = Callable[[str], Awaitable[list[Finding]]]


class Home:
    """``configurers`` names who looks after a channel; ``channels`` examines those of a team."""

    def __init__(
        self,
        store: Store,
        authority: Authority,
        views: Views,
        *,
        configurers: Configurers,
        channels: Channels,
    ) -> None:
        self._store = store
        self._authority = authority
        self._views = views
        self._configurers = configurers
        self._channels = channels

    async def draw(self, actor: Actor) -> None:
        """Show what this person may see, or why they may see nothing. Raises StoreError, SlackError."""
        shown: Overview | Refused
        try:
            await self._authority.admit(HOME, actor)
            shown = await self._overview(actor.place, actor.user)
        except Refused as refused:
            shown = refused
        await self._views.draw(actor.user, shown)

    async def _overview(self, team: str, user: str) -> Overview:
        lately = await self._store.recent(team, within_ms=DAY_MS, limit=MOST_READ)
        seen = [job for job in lately if await self._may_see(job, user)]
        running = [job for job in seen if not _is_over(job)]
        to_confirm = [
            job
            for job in running
            if job.phase in (Phase.AWAITING_CONFIRMATION, Phase.OFFERED)
            and job.termination.request.user == user
        ]
        return Overview(
            to_confirm=to_confirm[:MOST_SHOWN],
            under_way=[job for job in running if job not in to_confirm][:MOST_SHOWN],
            recent=[job for job in seen if _is_over(job)][:MOST_SHOWN],
            channels=await self._health(team, user),
            at=await self._store.now(),
        )

    async def _may_see(self, job: Job, user: str) -> bool:
        termination = job.termination
        if user in (termination.request.user, termination.question.decided_by):
            return True
        return await self._views.is_member(termination.request.channel, user)

    async def _health(self, team: str, user: str) -> list[Finding]:
        keys = [key for key in await self._store.channel_keys() if key.team == team]
        theirs = {key.channel for key in keys if user in await self._configurers(team, key.channel)}
        if not theirs:
            return []
        return [finding for finding in await self._channels(team) if finding.channel in theirs]


def _is_over(job: Job) -> bool:
    # A refusal stops nothing, whether or not its requester has been told yet.
    return job.phase is Phase.DONE or job.termination.result.outcome is Outcome.REFUSED
