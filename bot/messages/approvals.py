"""What is said where somebody else has to agree: the question, the breaker, and the glass that is broken."""

from bot.domain.channel_settings import ChannelSettings
from bot.domain.errors import Refused
from bot.domain.termination import Approval, Termination
from bot.messages.blocks import button, with_buttons
from bot.messages.language import _, n_, paragraph
from bot.messages.mrkdwn import escape
from bot.messages.permissions import people
from bot.messages.refusals import refusal
from bot.messages.times import clock
from bot.ports.messenger import Message

ASK = "approval_ask"
RESET_BREAKER = "breaker_reset"


def question(termination: Termination) -> str:
    """Ask whether a workflow shall be stopped."""
    workflow = termination.request.workflow_id
    if termination.question.approval is None:
        return _("*Force-terminate workflow `{workflow}`?*", workflow=workflow)
    if termination.request.force:
        return _("*Force-terminate workflow `{workflow}`? Somebody has to approve.*", workflow=workflow)
    return _("*Stop workflow `{workflow}`? Somebody has to approve.*", workflow=workflow)


def who_can_answer(termination: Termination) -> str:
    """Say why somebody else has to agree, and who that may be."""
    user, until = termination.request.user, termination.question.expires_at
    match termination.question.approval:
        case Approval.ASKED:
            why = _("<@{user}> lacks the role for this and asks for approval.", user=user)
        case Approval.BREAKER:
            why = _("Many workflows were stopped here lately, so <@{user}> needs approval.", user=user)
        case _other:
            why = _("This channel wants a second person for a force, so <@{user}> needs approval.", user=user)
    return paragraph(
        why,
        _("Who can approve: {people}.", people=people(termination.question.approvers)),
        _("The question stands until {time}.", time=clock(until)) if until else None,
        _("Without an answer nothing is done."),
        _("If it cannot wait, <@{user}> can break the glass, which everybody is told.", user=user)
        if termination.question.may_break_glass
        else None,
    )


def broken_glass(reason: str) -> str:
    """Note in the message that it was forced without the second person."""
    return _(
        ":rotating_light: *Break glass:* no second person approved. Why: {reason}", reason=escape(reason)
    )


def glass_broken(termination: Termination) -> str:
    """Tell the channel, loudly, that somebody forces alone."""
    values = {
        "user": termination.request.user,
        "workflow": termination.request.workflow_id,
        "reason": escape(termination.question.broke_glass or ""),
        "reference": termination.id,
    }
    told = _(
        ":rotating_light: *Break glass:* <@{user}> force-terminates workflow `{workflow}` without a second person. Why: {reason} (reference {reference})",
        **values,
    )
    if not termination.question.approvers:
        return paragraph(told, _("Everyone: please have a look."))
    return paragraph(told, _("Please have a look: {people}.", people=people(termination.question.approvers)))


def refusal_with_request(refused: Refused, termination: Termination) -> Message:
    """Say why a termination is refused; whoever merely lacks the role can ask those who may approve."""
    ask = button(_("Ask them"), ASK, termination.id, style="primary")
    can_ask = refused.detail.get("approvers")
    return with_buttons(refusal(refused), [ask] if can_ask else [], f"ask.{termination.id}")


def asked() -> str:
    """Say that those who may approve are asked."""
    return _("Asked: the question stands in the channel now.")


def breaker_tripped(place: str, settings: ChannelSettings, count: int) -> Message:
    """Tell the channel that everything needs a second person now, with the button that ends it."""
    tripped = n_(
        ":warning: *{count} termination within {minutes} min* is more than this channel's limit of {limit}.",
        ":warning: *{count} terminations within {minutes} min* are more than this channel's limit of {limit}.",
        count,
        minutes=settings.breaker_minutes,
        limit=settings.breaker_limit,
    )
    told = paragraph(
        tripped,
        _("Until {time} each one needs a second person's approval.", time=clock(settings.breaker_until or 0)),
        _("Who can end this earlier: {people}.", people=people(settings.approve.words)),
    )
    return with_buttons(told, [button(_("Back to normal"), RESET_BREAKER, place)], "breaker")


def breaker_reset(by: str) -> str:
    """Tell the channel that it is over."""
    return _(
        "*Back to normal:* <@{user}> ended the breaker. Terminations are counted anew from now on.", user=by
    )
