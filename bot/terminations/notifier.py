"""What every step of a termination needs: recording it, showing it, and letting it rest."""

import asyncio
import math
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from bot.channels.sharing import Audience, Sharing
from bot.domain.audit import Event
from bot.domain.errors import KeyUndecryptable, SlackError, SlackRefused, SlackUnavailable
from bot.domain.job import Job, Transition
from bot.domain.termination import Outcome, Phase, Termination
from bot.domain.transitions import ending, withheld
from bot.messages.blocks import Cards
from bot.ports.core import Message, Messenger, Store, Vault

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How fast and how long: from the settings."""

    calls_per_second: float
    confirmation_ms: int
    watch_ms: int
    soft_first_ms: int | None
    """How long a force waits for its soft beginning; None: it does not begin softly."""


SHOW_AFTER_SECONDS = 1.0
"""What Vibecode takes longer for gets a message that says that it is under way."""
RECORDING_SECONDS = 3.0
"""So much of a lease is left for recording what came of a message."""
_CORRECTIONS = 5
"""How often a state that changes while it is shown is shown anew."""


class Overtaken(Exception):
    """Somebody else has the termination now: this process was away for longer than its lease, or it was decided."""


class Progress:
    """Records steps and keeps the one message of a termination up to date."""

    def __init__(
        self,
        store: Store,
        messenger: Messenger,
        vault: Vault,
        cards: Cards,
        sharing: Sharing,
        *,
        wake_in: Callable[[float], None],
    ) -> None:
        self.store = store
        self._messenger = messenger
        self._vault = vault
        self._cards = cards
        self._sharing = sharing
        self._wake_in = wake_in

    async def advance(
        self,
        job: Job,
        termination: Termination,
        phase: Phase | None = None,
        *events: Event,
        rest_ms: int | None = None,
    ) -> Job | None:
        """Record a step; None: somebody else has taken over.

        The lease is renewed, or with ``rest_ms`` given back: whoever is free takes it up after so long.
        """
        step = Transition(termination=termination, phase=phase or job.phase, events=events, due_in_ms=rest_ms)
        advanced = await self.apply(job, step)
        if advanced is not None and rest_ms is not None:
            self._wake_in(rest_ms / 1000)
        return advanced

    async def apply(self, job: Job, step: Transition) -> Job | None:
        # What the fence grows by from here on without a recorded step is a crash.
        return await self.store.advance(job, replace(step, attempts=job.fence))

    async def keep(
        self, job: Job, work: Coroutine[Any, Any, T] | asyncio.Task[T]
    ) -> tuple[Job, asyncio.Task[T]]:
        """Wait until work has ended that may outlast the lease, which is renewed meanwhile.

        The task tells what the work came to. Raises Overtaken.
        """
        task, held = asyncio.ensure_future(work), job
        try:
            while not await _ends(
                task, within_seconds=held.held_until - RECORDING_SECONDS - time.monotonic()
            ):
                held = await self._renewed(held, held.termination)
            return held, task
        finally:
            task.cancel()

    async def patiently(self, job: Job, asking: Coroutine[Any, Any, T]) -> tuple[Job, asyncio.Task[T]]:
        """The same for Vibecode's answer: what takes longer gets a message as well. Raises Overtaken."""
        task = asyncio.create_task(asking)
        try:
            if await _ends(task, within_seconds=SHOW_AFTER_SECONDS):
                return job, task
            return await self.keep(await self._renewed(job, await self.show_quietly(job)), task)
        finally:
            task.cancel()

    async def _renewed(self, job: Job, termination: Termination) -> Job:
        renewed = await self.advance(job, termination)
        if renewed is None:
            raise Overtaken
        return renewed

    async def rest(self, job: Job, termination: Termination, wait_ms: float) -> Job | None:
        """Give it back for so long; whoever is free takes it up then. None: nothing to go on with now."""
        await self.advance(job, termination, rest_ms=int(wait_ms))
        return None

    async def end(
        self,
        job: Job,
        outcome: Outcome,
        *,
        code: str | None = None,
        status: int | None = None,
        verified: bool | None = None,
        name: str = "outcome",
    ) -> Job | None:
        """Decide the outcome: record it now, tell it next."""
        now = await self.store.now()
        step = ending(job.termination, name, outcome, now, code=code, status=status, verified=verified)
        return await self.apply(job, step)

    def is_shown(self, job: Job) -> bool:
        return job.termination.posting.shown == _shown(job.termination, job.phase)

    async def show(self, job: Job) -> Termination:
        """Bring the one message up to date. Raises SlackError, Overtaken."""
        termination, phase = job.termination, job.phase
        audience = await self._sharing.audience(termination.request.team, termination.request.channel)
        alone = is_for_requester_alone(termination, audience)
        shown = termination if alone or audience is Audience.TRUSTED else withheld(termination)
        now = await self.store.now()
        try:
            async with _while_held(job):
                shown_at = await self._messenger.show(
                    self._cards.termination(shown, phase, now),
                    channel=termination.request.user if alone else termination.request.channel,
                    user=termination.request.user,
                    at=termination.posting.message,
                    # What is for the requester alone must not reach the channel on another way.
                    response_url=None
                    if alone
                    else self._opened(termination.request.response_url, termination),
                    click_url=self._opened(termination.posting.click_url, termination),
                    reference=termination.id,
                    maybe_posted_ms_ago=now - termination.posting.maybe_shown_at
                    if termination.posting.maybe_shown
                    else None,
                    tries=termination.posting.telling_tries,
                )
        except SlackError:
            await self._make_way(job)
            raise
        await self._make_way(job)
        return replace(
            termination,
            posting=replace(
                termination.posting, message=shown_at, maybe_shown=False, shown=_shown(termination, phase)
            ),
        )

    async def _make_way(self, job: Job) -> None:
        """Take back what was posted too late, if whoever has taken over has posted it as well.

        A process that was frozen between its last look at the lease and Slack notices only afterwards.
        """
        if is_held(job) or job.termination.posting.message is not None:
            return
        for _ in range(_CORRECTIONS):
            newest = await self.store.find(job.termination.id)
            if newest is None:
                return
            if (stands := newest.termination.posting.message) is not None:
                if stands.ts is not None:
                    await self._messenger.keep_only(stands, job.termination.id)
                return
            # Whoever has it now may be about to post it, or finds ours.
            await asyncio.sleep(1)

    async def show_quietly(self, job: Job, *, insist: bool = False) -> Termination:
        """The same for what is worth a message, but not worth waiting for Slack, unless ``insist``."""
        if not _worth_showing(job.termination):
            return job.termination
        try:
            return await self.show(job)
        except SlackRefused:
            return job.termination
        except SlackUnavailable as later:
            if insist:
                raise
            return await self.unsure_where(job.termination, later)

    async def unsure_where(self, termination: Termination, later: SlackUnavailable) -> Termination:
        """Remember that Slack may have posted a message without our knowing where; a rate limit posts nothing."""
        if termination.posting.message is not None or later.did_nothing:
            return termination
        return replace(
            termination,
            posting=replace(termination.posting, maybe_shown=True, maybe_shown_at=await self.store.now()),
        )

    async def whisper(self, job: Job, message: Message) -> None:
        """Tell the requester alone. Raises SlackError, Overtaken."""
        termination = job.termination
        async with _while_held(job):
            await self._messenger.whisper(
                message,
                channel=termination.request.channel,
                user=termination.request.user,
                response_url=self._opened(termination.request.response_url, termination),
            )

    async def correct(self, reference: str) -> None:
        """Show once more what is true: this process may have shown an older state after a newer one."""
        shown: str | None = None
        for _ in range(_CORRECTIONS):
            job = await self.store.find(reference)
            # Where it stands nowhere yet, whoever has it now looks for it before posting it.
            if job is None or job.termination.posting.message is None:
                return
            state = _shown(job.termination, job.phase)
            if state == shown:
                return
            try:
                await self.show_quietly(replace(job, held_until=math.inf), insist=True)
                shown = state
            except SlackUnavailable as later:
                await asyncio.sleep(later.retry_after or 1)

    def _opened(self, sealed: str | None, termination: Termination) -> str | None:
        try:
            return self._vault.open(sealed, termination.id) if sealed else None
        except KeyUndecryptable:
            # Its encryption key was dropped meanwhile: one way less to tell it, and no reason not to tell it.
            return None


def is_for_requester_alone(termination: Termination, audience: Audience) -> bool:
    """Tell whether the message stands, or has to be posted, where only the requester sees it.

    A question that somebody else has to answer cannot.
    """
    if termination.posting.message is not None:
        return termination.posting.message.channel != termination.request.channel
    return audience is Audience.OUTSIDERS and termination.question.approval is None


def _worth_showing(termination: Termination) -> bool:
    """Keep what is only under way from becoming another message where none can be edited.

    Such a message is replaced through the click on it, which Slack allows a few times: the outcome needs one.
    """
    editable = termination.posting.message is None or termination.posting.message.ts is not None
    return editable or (termination.posting.click_url is not None and termination.calls.retries == 0)


@asynccontextmanager
async def _while_held(job: Job) -> AsyncIterator[None]:
    """Speak only as long as the lease leaves time to record it, or somebody else would take over meanwhile."""
    if not is_held(job):
        raise Overtaken
    try:
        async with asyncio.timeout_at(job.held_until - RECORDING_SECONDS):
            yield
    except TimeoutError as late:
        raise SlackUnavailable("connection") from late


async def _ends(task: asyncio.Task[Any], *, within_seconds: float) -> bool:
    done, _ = await asyncio.wait({task}, timeout=max(0.0, within_seconds))
    return bool(done)


def is_held(job: Job) -> bool:
    """A process that was frozen past its lease must not act or speak: somebody else has taken over."""
    return time.monotonic() < job.held_until


def pause_ms(tries: int, asked_for: float | None = None) -> int:
    """The other side's own wish, or growing and jittered waits of 1, 2, 4 … 15 s."""
    jitter = random.uniform(0.75, 1.25)  # noqa: S311 -- spreads load, guards nothing
    seconds = asked_for if asked_for is not None else min(15.0, 2.0 ** min(tries - 1, 4)) * jitter
    return max(50, int(seconds * 1000))


def _shown(termination: Termination, phase: Phase) -> str:
    return f"{phase}.{termination.question.number}"
