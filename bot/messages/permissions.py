"""What Haltbot says about rights: who lacks which one, who has it, who has to agree, and what the settings are."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot.domain.channel_settings import GROUP, ChannelSettings, Role, SecondPerson
from bot.domain.command import COMMAND
from bot.domain.termination import Approval, Termination
from bot.messages.instance_text import clock
from bot.messages.mrkdwn import escape

_DOING = {
    Role.SOFT: "stop a workflow",
    Role.FORCE: "force-terminate a workflow",
    Role.CONFIGURE: "change Haltbot's settings",
    Role.APPROVE: "approve",
}


def people(words: Sequence[str]) -> str:
    """Name those to whom a role is given."""
    named = [_named(word) for word in words]
    if not named:
        return "nobody"
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"


def _named(word: str) -> str:
    if word in ("everyone", "admins"):
        return {"everyone": "everyone in this channel", "admins": "the workspace's admins"}[word]
    return f"<!subteam^{word}>" if GROUP.fullmatch(word) else f"<@{word}>"


def _not_granted(detail: Mapping[str, Any]) -> str:
    role, granted = Role(detail["role"]), detail.get("granted", ())
    have = f"here {'have' if len(granted) > 1 or granted in (('admins',), ['admins']) else 'has'} it"
    said = f"To {_DOING[role]} in this channel you need the role *{role}*; {people(granted)} {have}. Nothing was done."
    if approvers := detail.get("approvers"):
        return f"{said} You can ask {people(approvers)} to approve it."
    return f"{said} Ask somebody with the role *configure* to give it to you."


def _own_press(detail: Mapping[str, Any]) -> str:
    said = "You asked for this yourself, so your own press does not approve it."
    if approvers := detail.get("approvers"):
        said += f" {people(approvers)} can."
    return f"{said} Nothing was done; the buttons stay."


REFUSALS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "not_granted": _not_granted,
    "guest": lambda _: (
        "Guests of this workspace cannot use Haltbot, so nothing was done. Ask a full member of this channel to run"
        " the command."
    ),
    "not_a_person": lambda _: "Only people can use Haltbot: bots and deactivated accounts cannot.",
    "other_team": lambda _: (
        "This channel's Haltbot belongs to another workspace than you, and its settings (*allowed_teams*) do not name"
        " yours. Nothing was done; ask a member of the other workspace."
    ),
    "group_unreadable": lambda d: (
        f"You need the role *{d['role']}*, which {people(d['granted'])} may have, but Haltbot cannot read that user"
        " group: it was removed, or the app lacks the scope `usergroups:read`. Nothing was done; ask a workspace admin."
    ),
    "people_unreadable": lambda d: (
        f"You need the role *{d['role']}*, which {people(d['granted'])} may have, but Haltbot cannot tell who that is:"
        " the app lacks the scope `users:read`. Nothing was done; ask a workspace admin."
    ),
    "settings_unreadable": lambda d: (
        f"This channel's setting *{d['name']}* cannot be understood, so nobody may do anything here until a Haltbot"
        " admin puts it right: `haltbot channel set`. Nothing was done."
    ),
    "who_unknown": lambda _: (
        "For ten minutes Slack could not say who you are and what you may do here, so nothing was done. Run the command"
        " again."
    ),
    "who_unknown_yet": lambda _: (
        "Slack cannot say at the moment who you are and what you may do here. Your request is recorded; Haltbot asks"
        " again for up to ten minutes and tells you if it gives up."
    ),
    "press_again": lambda _: (
        "Slack cannot say at the moment who you are and what you may do here. Nothing was done; try again in a minute."
    ),
    "reason_needed": lambda _: (
        "In this channel a force needs a reason. Nothing was done; run the command again as"
        f" `{COMMAND} ID force reason`."
    ),
    "own_press": _own_press,
    "no_break_glass": lambda _: (
        "Forcing alone is not allowed here (setting *break_glass*). Nothing was done; somebody else has to approve."
    ),
    "break_glass_reason": lambda _: "Say why this cannot wait for a second person.",
    "last_four_differ": lambda _: "These are not the last four characters of the ID. Nothing was done.",
    "asked_too_late": lambda _: "That refusal is too old to ask about. Run the command again.",
    "dialog_not_opened": lambda _: "Slack did not open the dialog. Nothing was done; press again.",
    "breaker_not_tripped": lambda _: "The breaker is not tripped any more. Nothing was changed.",
}

ASKED = "Asked: the question stands in the channel now."


def title(termination: Termination, name: str) -> str | None:
    """Ask the question that those who may approve have to answer; None where the requester answers."""
    if termination.question.approval is None:
        return None
    how = "Force-terminate" if termination.request.force else "Stop"
    return f"*{how} workflow {name}? Somebody has to approve.*"


def who_can_answer(termination: Termination) -> str:
    """Say why somebody else has to agree, and who that may be."""
    until = f" until {clock(termination.question.expires_at)}" if termination.question.expires_at else ""
    requester = f"<@{termination.request.user}>"
    match termination.question.approval:
        case Approval.ASKED:
            why = f"{requester} lacks the role for this and asks"
        case Approval.BREAKER:
            why = f"Many workflows were stopped here lately, so {requester} needs"
        case _:
            why = f"This channel wants a second person for a force, so {requester} needs"
    said = f"{why} {people(termination.question.approvers)} to approve{until}. Without an answer nothing is done."
    if termination.question.may_break_glass:
        said += f" If it cannot wait, {requester} can break the glass, which everybody is told."
    return said


def note(termination: Termination) -> str | None:
    """Say that it was forced without the second person."""
    if termination.question.broke_glass is None:
        return None
    return f":rotating_light: *Break glass:* no second person approved. Why: {escape(termination.question.broke_glass)}"


def glass_broken(termination: Termination) -> str:
    """Tell the channel, loudly, that somebody forces alone."""
    called = people(termination.question.approvers) if termination.question.approvers else "everyone"
    return (
        f":rotating_light: *Break glass:* <@{termination.request.user}> force-terminates workflow `{termination.request.workflow_id}`"
        f" without a second person. Why: {escape(termination.question.broke_glass or '')} ({called}: please have a look."
        f" Reference {termination.id})"
    )


def breaker_tripped(settings: ChannelSettings, count: int) -> str:
    """Tell the channel that everything needs a second person now."""
    return (
        f":warning: *{count} terminations in {settings.breaker_minutes} min* are more than this channel's limit of"
        f" {settings.breaker_limit}. Until {clock(settings.breaker_until or 0)} each one needs a second person's"
        f" approval. {people(settings.approve.words)} can end this earlier."
    )


def breaker_reset(by: str) -> str:
    """Tell the channel that it is over."""
    return f"*Back to normal:* <@{by}> ended the breaker. Terminations are counted anew from now on."


def settings_told(settings: ChannelSettings) -> str:
    """Show the settings to whoever may only see them."""
    second = {
        SecondPerson.OFF: "not needed",
        SecondPerson.ALWAYS: "always",
        SecondPerson.OUTSIDE_ON_CALL: f"unless the requester is in {people([settings.on_call or ''])}",
    }[settings.second_person]
    breaker = (
        f"more than {settings.breaker_limit} in {settings.breaker_minutes} min"
        if settings.breaker_limit
        else "off"
    )
    lines = [
        "*Haltbot's settings in this channel*",
        *(f"Role *{role}*: {people(settings.grant(role).words)}" for role in Role),
        f"Second person for a force: {second}",
        f"Break glass: {_yes(settings.break_glass)}",
        f"Force needs a reason: {_yes(settings.force_needs_reason)}",
        f"Force needs the last four characters of the ID: {_yes(settings.type_last_four)}",
        f"Breaker: {breaker}",
        f"Portal: {settings.portal or 'not named'}",
        f"Other teams that may use it: {', '.join(settings.allowed_teams) or 'none'}",
    ]
    return "\n".join(lines)


def settings_changed(names: Sequence[str]) -> str:
    """Confirm a change privately."""
    if not names:
        return "Nothing was different, so nothing was changed."
    return f"Changed: {', '.join(f'*{name}*' for name in names)}. The audit has the old and the new values."


def _yes(on: bool) -> str:
    return "yes" if on else "no"
