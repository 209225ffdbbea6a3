"""Who may decide what, and what follows from it: pure functions on a termination."""

from dataclasses import replace

from bot.command import has_usual_shape
from bot.domain import Choice, Outcome, Phase, Press, Termination, Transition, event
from bot.errors import Refused
from bot.workflows import Instance


def decide(termination: Termination, phase: Phase, press: Press, now: int) -> Transition:
    """Turn a click into the transition that it makes. Raises Refused.

    The store applies it only if nobody else's was applied before.
    """
    if press.user != termination.user or press.team != termination.team:
        raise Refused("not_the_requester", requester=termination.user)
    stands_in = termination.message.channel if termination.message else termination.channel
    if press.channel not in (termination.channel, stands_in):
        raise Refused("question_elsewhere")
    if press.choice not in _CHOICES.get(phase, ()):
        raise Refused("already_decided", termination=termination, phase=phase)
    if press.question != termination.question:
        raise Refused("older_question")
    if phase is Phase.AWAITING_CONFIRMATION and termination.expires_at and now >= termination.expires_at:
        raise Refused("question_expired")
    decided = replace(termination, decided_by=press.user, click_url=press.response_url)
    return _DECISIONS[press.choice](decided, press, now)


_CHOICES: dict[Phase, tuple[Choice, ...]] = {
    Phase.AWAITING_CONFIRMATION: (Choice.FORCE, Choice.SOFT, Choice.KEEP),
    Phase.OFFERED: (Choice.ESCALATE, Choice.WATCH),
    Phase.WATCHING: (Choice.ESCALATE,),
}


def _go(termination: Termination, press: Press, now: int) -> Transition:
    going = replace(termination, force=press.choice is Choice.FORCE, asked_at=now)
    confirmed = event(going, "confirmed", user=press.user, choice=press.choice)
    return Transition(termination=going, phase=Phase.REQUESTED, events=(confirmed,))


def _keep(termination: Termination, press: Press, now: int) -> Transition:
    return ending(termination, "cancelled", Outcome.CANCELLED, now, user=press.user)


def _escalate(termination: Termination, press: Press, now: int) -> Transition:
    asking = ask_anew(replace(termination, force=True), now)
    escalated = event(asking, "escalated", user=press.user)
    return Transition(termination=asking, phase=Phase.AWAITING_CONFIRMATION, events=(escalated,))


def _watch_on(termination: Termination, press: Press, _now: int) -> Transition:
    watching = replace(termination, watch_until=None, polls=0, question=termination.question + 1)
    return Transition(
        termination=watching,
        phase=Phase.WATCHING,
        events=(event(watching, "watch_extended", user=press.user),),
    )


_DECISIONS = {
    Choice.FORCE: _go,
    Choice.SOFT: _go,
    Choice.KEEP: _keep,
    Choice.ESCALATE: _escalate,
    Choice.WATCH: _watch_on,
}


def ask_anew(termination: Termination, now: int, changes: tuple[str, ...] = ()) -> Termination:
    """Put the question again; buttons of the former one decide nothing any more."""
    return replace(
        termination,
        question=termination.question + 1,
        asked_at=now,
        expires_at=None,
        preview=None,
        changes=changes,
        outcome=None,
        code=None,
        status=None,
        accepted_at=None,
        watch_until=None,
        retries=0,
        softened=False,
    )


FINGERPRINT = ("template_id", "document_id", "started_at", "started_by")


def differences(seen: Instance, now: Instance) -> tuple[str, ...]:
    """Name what is not as it was shown; what the list left out either time proves nothing."""
    return tuple(
        name
        for name in FINGERPRINT
        if None not in (getattr(seen, name), getattr(now, name)) and getattr(seen, name) != getattr(now, name)
    )


STUCK_AFTER_MS = 5 * 60 * 1000
"""A lock that ran out longer ago than this means that nobody is executing the step any more (Bitrix24's docs)."""


def is_stuck(instance: Instance, now: int) -> bool:
    return instance.locked_until is not None and now - instance.locked_until > STUCK_AFTER_MS


def stuck_siblings(of: Instance, others: tuple[Instance, ...], now: int) -> int:
    """Count the other stuck instances of the same template or on the same document."""
    return sum(
        is_stuck(other, now)
        and (
            (other.template_id is not None and other.template_id == of.template_id)
            or (other.document_id is not None and other.document_id == of.document_id)
        )
        for other in others
    )


def started_at(workflow_id: str) -> int | None:
    """Read the start, in ms, from a usual identifier: its first 8 hex digits are Unix seconds."""
    return int(workflow_id[:8], 16) * 1000 if has_usual_shape(workflow_id) else None


def ending(
    termination: Termination,
    name: str,
    outcome: Outcome,
    now: int,
    *,
    code: str | None = None,
    status: int | None = None,
    user: str | None = None,
) -> Transition:
    """Decide the outcome: it is recorded now and told next."""
    ended = replace(
        termination, outcome=outcome, code=code, status=status, ended_at=now, trouble=None, must_look=False
    )
    detail = {key: value for key, value in {"code": code, "status": status}.items() if value is not None}
    return Transition(
        termination=ended,
        phase=Phase.TELLING,
        events=(event(ended, name, user=user, tries=ended.tries, recovered=ended.recovered, **detail),),
    )
