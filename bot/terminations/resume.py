"""Goes on with a termination that Vibecode refused for want of a session, once its requester has connected."""

from collections.abc import Callable
from dataclasses import replace

from bot.domain.termination import RESUMABLE_MS, Event, Job, Outcome, Phase, Termination, event
from bot.domain.transitions import ask_anew
from bot.messages.error_catalog import AUTHORISABLE
from bot.ports.core import Store, Submitted
from bot.terminations.service import new_reference


class Resuming:
    """The refused one stays as it ended; what goes on is another one, in the same message."""

    def __init__(self, store: Store, *, start: Callable[[Job], None], has_room: Callable[[], bool]) -> None:
        self._store = store
        self._start = start
        self._has_room = has_room

    async def resume(self, reference: str, user: str) -> bool:
        """Go on, at most once; False: there is nothing to go on with, or not any more."""
        job = await self._store.find(reference)
        now = await self._store.now()
        if job is None or job.phase is not Phase.DONE or not stands(job.termination, user, now):
            return False
        again, phase = _anew(job.termination, now)
        submitted = await self._store.submit(
            again, phase, idem=f"resume {reference}", run_here=self._has_room()
        )
        if not isinstance(submitted, Submitted):
            return False
        await self._store.record(_resumed(job.termination, again))
        if submitted.job is not None:
            self._start(submitted.job)
        return True


def stands(termination: Termination, user: str, now: int) -> bool:
    """Tell whether a refused termination may go on once this person has connected."""
    return (
        termination.outcome is Outcome.FAILED
        and termination.code in AUTHORISABLE
        and termination.user == user
        and termination.team != ""
        and now - (termination.ended_at or 0) < RESUMABLE_MS
    )


def _anew(termination: Termination, now: int) -> tuple[Termination, Phase]:
    """A force whose confirmation has expired meanwhile is asked anew; what was confirmed stays bound to it."""
    confirmed = termination.force and termination.expires_at is not None and now < termination.expires_at
    expires_at, asked_at = termination.expires_at, termination.asked_at
    again = replace(
        ask_anew(termination, now),
        id=new_reference(),
        # The first question of its own, so that the requester's rights are examined once more.
        question=1,
        # Sealed for the former reference; the message stands already, and nothing else needs them.
        response_url=None,
        click_url=None,
        shown=None,
        ended_at=None,
        verified=None,
        trouble=None,
        sent=(),
        telling_tries=0,
        unsure=False,
        must_look=False,
        recovered=False,
        polls=0,
    )
    if termination.force and not confirmed:
        return replace(again, decided_by=None), Phase.AWAITING_CONFIRMATION
    return replace(
        again, expires_at=expires_at, asked_at=asked_at, preview=termination.preview
    ), Phase.REQUESTED


def _resumed(before: Termination, again: Termination) -> Event:
    return event(before, "resumed", resumed_as=again.id)
