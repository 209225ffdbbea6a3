"""Who may decide what, and what follows from it: pure functions on a termination."""

from dataclasses import replace

from bot.domain.audit import event
from bot.domain.channel_settings import Role
from bot.domain.errors import Refused
from bot.domain.instance import Changes, Instance
from bot.domain.job import Transition
from bot.domain.press import Choice, Press
from bot.domain.termination import Approval, MessageRef, Outcome, Phase, Result, Termination
from bot.domain.workspace import is_outsider


def decide(termination: Termination, phase: Phase, press: Press, now: int) -> Transition:
    """Turn a click into the transition that it makes. Raises Refused.

    The store applies it only if nobody else's was applied before.
    """
    _check_person(termination, press)
    request, question, posting = termination.request, termination.question, termination.posting
    stands_in = posting.message.channel if posting.message else request.channel
    if press.channel not in (request.channel, stands_in):
        raise Refused("question_elsewhere")
    if press.choice not in _CHOICES.get(phase, ()):
        raise Refused("already_decided", termination=termination, phase=phase)
    if press.question != question.number or (_forces(press) and not request.force):
        raise Refused("older_question")
    if phase is Phase.AWAITING_CONFIRMATION and question.expires_at and now >= question.expires_at:
        raise Refused("question_expired")
    decided = replace(
        termination,
        question=replace(question, decided_by=press.user),
        posting=replace(posting, click_url=press.response_url or posting.click_url),
    )
    return _DECISIONS[press.choice](decided, press, now)


_CHOICES: dict[Phase, tuple[Choice, ...]] = {
    Phase.AWAITING_CONFIRMATION: (Choice.FORCE, Choice.SOFT, Choice.KEEP, Choice.BREAK_GLASS),
    Phase.OFFERED: (Choice.ESCALATE, Choice.WATCH),
    Phase.WATCHING: (Choice.ESCALATE,),
}


_NEEDED = {
    Choice.FORCE: Role.FORCE,
    Choice.BREAK_GLASS: Role.FORCE,
    Choice.ESCALATE: Role.FORCE,
    Choice.SOFT: Role.SOFT,
}
"""The role without which the requester's own choice does not count; to keep it running takes none."""


def _check_person(termination: Termination, press: Press) -> None:
    """Refuse whoever has no say in this choice; what they may was looked up for this press."""
    mine = is_requester(termination, user=press.user, home=press.team)
    approval = _approval(termination, press)
    answers = press.choice in _CHOICES[Phase.AWAITING_CONFIRMATION]
    if approval is None or not answers:
        if not mine:
            raise Refused("not_the_requester", requester=termination.request.user)
        _need(_NEEDED.get(press.choice), press)
    elif not mine and press.choice is not Choice.BREAK_GLASS:
        _need(Role.APPROVE, press)
    elif not mine:
        raise Refused("not_the_requester", requester=termination.request.user)
    elif press.choice is Choice.BREAK_GLASS:
        if not press.break_glass or approval is Approval.ASKED:
            raise Refused("no_break_glass")
        _need(Role.FORCE, press)
    elif press.choice is Choice.SOFT and approval is Approval.SECOND_PERSON:
        # The gentler way needs no second person.
        _need(Role.SOFT, press)
    elif press.choice is not Choice.KEEP:
        raise Refused("own_press", approval=approval)


def _approval(termination: Termination, press: Press) -> Approval | None:
    """Tell why somebody else has to agree: a breaker that tripped since the question asks for more than a second person."""
    if termination.question.approval is Approval.SECOND_PERSON and press.approval is Approval.BREAKER:
        return Approval.BREAKER
    return termination.question.approval or press.approval


def is_requester(termination: Termination, *, user: str, home: str) -> bool:
    """Tell whether this is whoever asked for it; ids are unique within an organisation only."""
    return user == termination.request.user and not is_outsider(home, termination.request.team)


def role_at_stake(termination: Termination, press: Press) -> Role | None:
    """Name the role that a press may need; None: it needs none."""
    if is_requester(termination, user=press.user, home=press.team):
        return _NEEDED.get(press.choice)
    return Role.APPROVE


def _need(role: Role | None, press: Press) -> None:
    if role is not None and role not in press.may:
        raise Refused("not_granted", role=role)


def _forces(press: Press) -> bool:
    return press.choice in (Choice.FORCE, Choice.BREAK_GLASS)


def _go(termination: Termination, press: Press, now: int) -> Transition:
    approved_by = press.user if press.user != termination.request.user else None
    going = replace(
        termination,
        request=replace(termination.request, force=press.choice is Choice.FORCE),
        question=replace(termination.question, asked_at=now, approved_by=approved_by, authorized=True),
    )
    detail = {"approval": _approval(termination, press)} if approved_by else {}
    confirmed = event(going, "confirmed", user=press.user, choice=press.choice, **detail)
    return Transition(termination=going, phase=Phase.REQUESTED, events=(confirmed,))


def _break_glass(termination: Termination, press: Press, now: int) -> Transition:
    why = press.reason.strip()
    if not why:
        raise Refused("break_glass_reason")
    going = replace(
        termination,
        question=replace(termination.question, asked_at=now, broke_glass=why, authorized=True),
        request=replace(termination.request, reason=termination.request.reason or why),
    )
    broken = event(going, "break_glass", user=press.user, why=why, approval=_approval(termination, press))
    confirmed = event(going, "confirmed", user=press.user, choice=press.choice)
    return Transition(termination=going, phase=Phase.REQUESTED, events=(broken, confirmed))


def _keep(termination: Termination, press: Press, now: int) -> Transition:
    return ending(termination, "cancelled", Outcome.CANCELLED, now, user=press.user)


def _escalate(termination: Termination, press: Press, now: int) -> Transition:
    forced = replace(termination, request=replace(termination.request, force=True))
    asking = ask_anew(forced, now, seen=termination.question.seen)
    escalated = event(asking, "escalated", user=press.user)
    return Transition(termination=asking, phase=Phase.AWAITING_CONFIRMATION, events=(escalated,))


def _watch_on(termination: Termination, press: Press, _now: int) -> Transition:
    watching = replace(
        termination,
        calls=replace(termination.calls, watch_until=None, polls=0),
        question=replace(termination.question, number=termination.question.number + 1),
    )
    return Transition(
        termination=watching,
        phase=Phase.WATCHING,
        events=(event(watching, "watch_extended", user=press.user),),
    )


_DECISIONS = {
    Choice.FORCE: _go,
    Choice.SOFT: _go,
    Choice.KEEP: _keep,
    Choice.BREAK_GLASS: _break_glass,
    Choice.ESCALATE: _escalate,
    Choice.WATCH: _watch_on,
}


def ask_anew(
    termination: Termination, now: int, *, seen: Instance | None, changes: Changes = ()
) -> Termination:
    """Put the question again, about ``seen``; buttons of the former one decide nothing any more."""
    return replace(
        termination,
        question=termination.question.anew(now, seen=seen, changes=changes),
        calls=termination.calls.anew(),
        result=Result(),
    )


def withheld(termination: Termination) -> Termination:
    """The termination as those may see it who must not know what the workflow works on."""
    preview = "withheld_changes" if termination.question.changes else "withheld"
    return replace(
        termination,
        question=replace(
            termination.question,
            seen=None,
            portal=None,
            stuck_siblings=0,
            changes=(),
            preview=preview if termination.question.preview else None,
        ),
    )


def moved(termination: Termination, old: str, new: str) -> Termination:
    """The termination as it is once its channel has another id; its message went with the channel."""
    message = termination.posting.message
    if message is not None and message.channel == old:
        message = MessageRef(new, message.ts, message.way)
    return replace(
        termination,
        request=replace(termination.request, channel=new),
        posting=replace(termination.posting, message=message),
    )


def ending(
    termination: Termination,
    name: str,
    outcome: Outcome,
    now: int,
    *,
    code: str | None = None,
    status: int | None = None,
    verified: bool | None = None,
    user: str | None = None,
) -> Transition:
    """Decide the outcome: it is recorded now and told next."""
    ended = replace(
        termination,
        result=Result(outcome=outcome, code=code, ended_at=now, verified=verified),
        calls=replace(termination.calls, status=status, trouble=None, must_look=False),
    )
    detail = {key: value for key, value in {"code": code, "status": status}.items() if value is not None}
    return Transition(
        termination=ended,
        phase=Phase.TELLING,
        events=(
            event(ended, name, user=user, tries=ended.calls.tries, recovered=ended.calls.recovered, **detail),
        ),
    )
