"""Goes on with a termination that Vibecode refused for want of a session, once its requester has connected."""

from collections.abc import Callable
from dataclasses import replace

from bot.domain.audit import Event, event
from bot.domain.errors import AUTHORISABLE
from bot.domain.job import Job
from bot.domain.reference import new_reference
from bot.domain.termination import RESUMABLE_MS, Calls, Outcome, Phase, Posting, Termination
from bot.ports.store import Store, Submitted


class Resumer:
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
            again, phase, idempotency_key=f"resume {reference}", run_here=self._has_room()
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
        termination.result.outcome is Outcome.FAILED
        and termination.result.code in AUTHORISABLE
        and termination.request.user == user
        and termination.request.team != ""
        and now - (termination.result.ended_at or 0) < RESUMABLE_MS
    )


def _anew(termination: Termination, now: int) -> tuple[Termination, Phase]:
    """A force whose confirmation has expired meanwhile is asked anew; what was confirmed stays bound to it."""
    question, calls = termination.question, termination.calls
    force = termination.request.force
    confirmed = force and question.expires_at is not None and now < question.expires_at
    # The first question of its own, so that the requester's rights are examined once more.
    asked = replace(question.anew(now, seen=question.seen), number=1)
    if force and not confirmed:
        asked, phase = replace(asked, decided_by=None), Phase.AWAITING_CONFIRMATION
    else:
        phase = Phase.REQUESTED
        asked = replace(
            asked, expires_at=question.expires_at, asked_at=question.asked_at, preview=question.preview
        )
    again = Termination(
        id=new_reference(),
        # The response_url is sealed for the former reference; the message stands already.
        request=replace(termination.request, response_url=None),
        question=asked,
        calls=Calls(signed_in=calls.signed_in, accepted_before=calls.anew().accepted_before),
        posting=Posting(message=termination.posting.message),
    )
    return again, phase


def _resumed(before: Termination, again: Termination) -> Event:
    return event(before, "resumed", resumed_as=again.id)
