"""Why something was not done, and what to do instead: one entry for each ``Refused`` that is raised."""

from collections.abc import Callable, Mapping
from typing import Any

from bot.domain.channel_settings import Role
from bot.domain.errors import AUTHORISABLE, Refused
from bot.domain.termination import Outcome, Termination
from bot.messages.error_catalog import explain
from bot.messages.language import N_, _, n_, paragraph
from bot.messages.mrkdwn import escape
from bot.messages.permissions import NEEDED, people

EXAMPLE_ID = "69f0c2d5ade389.22457798"

Detail = Mapping[str, Any]


def refusal(refused: Refused) -> str:
    """Say why something was not done, and what to do instead."""
    says, detail = REFUSALS[refused.reply], refused.detail
    if callable(says):
        return says(detail)
    return _(
        says, **{name: escape(value) if isinstance(value, str) else value for name, value in detail.items()}
    )


def _where(says: str) -> Callable[[Detail], str]:
    """Add to a sentence about what was typed how an ID looks."""
    return lambda detail: paragraph(
        _(says, typed=escape(detail.get("typed", ""))),
        _(
            "An ID looks like `{example}`; you find it in the portal's list of running workflows.",
            example=EXAMPLE_ID,
        ),
        _("Nothing was sent. `{command} help` shows how to write it."),
    )


def _portal_address(detail: Detail) -> str:
    if detail["found"] is None:
        return _where(N_("That is a portal address, not a workflow's ID."))(detail)
    return _(
        "That is a portal address. It contains the ID `{found}`; if that is the one, run `{command} {found}`. Nothing was sent.",
        found=detail["found"],
    )


def _reason_too_long(detail: Detail) -> str:
    return n_(
        "The reason has {count} character; at most {limit} can be passed on. Nothing was sent: shorten it and run the command again.",
        "The reason has {count} characters; at most {limit} can be passed on. Nothing was sent: shorten it and run the command again.",
        detail["length"],
        limit=detail["limit"],
    )


def _not_readable(detail: Detail) -> str:
    code, status = detail["code"], detail["status"]
    unread = _("The list of running workflows could not be read ({code}).", code=code)
    return paragraph(unread, explain(code, status).why, _next(code, status))


def _key_unusable(detail: Detail) -> str:
    code = detail["code"]
    unusable = _("This channel's key cannot be used ({code}).", code=code)
    return paragraph(unusable, explain(code, None).why, _next(code, None))


def _next(code: str, status: int | None) -> str:
    """Say what to do where no button is below."""
    return (
        _("Run `{command} connect`, then ask again.") if code in AUTHORISABLE else explain(code, status).next
    )


def _already_decided(detail: Detail) -> str:
    termination: Termination = detail["termination"]
    by = termination.question.decided_by
    if termination.result.outcome is Outcome.EXPIRED:
        return refusal(Refused("question_expired"))
    if termination.result.outcome is Outcome.CANCELLED:
        kept = (
            _("Already answered by <@{user}>: keep running.", user=by)
            if by
            else _("Already answered: keep running.")
        )
        return paragraph(kept, _("Nothing more was done."))
    answered = _("Already answered by <@{user}>.", user=by) if by else _("Already answered.")
    return paragraph(answered, _("Nothing more was done; the message shows how it goes."))


def _not_granted(detail: Detail) -> str:
    has = _("Who has it here: {people}.", people=people(detail.get("granted", ())))
    said = paragraph(_(NEEDED[Role(detail["role"])]), has, _("Nothing was done."))
    if approvers := detail.get("approvers"):
        return paragraph(said, _("You can ask for approval: {people}.", people=people(approvers)))
    return paragraph(said, _("Ask somebody with the role *configure* to give it to you."))


def _own_press(detail: Detail) -> str:
    approvers = detail.get("approvers")
    return paragraph(
        _("You asked for this yourself, so your own press does not approve it."),
        _("Who can approve: {people}.", people=people(approvers)) if approvers else None,
        _("Nothing was done; the buttons stay."),
    )


def _unreadable(says: str) -> Callable[[Detail], str]:
    """Say that it cannot be told whether somebody has a role."""
    return lambda detail: paragraph(
        _(NEEDED[Role(detail["role"])]),
        _("Who may have it: {people}.", people=people(detail["granted"])),
        _(says),
        _("Nothing was done; ask a workspace admin."),
    )


REFUSALS: dict[str, str | Callable[[Detail], str]] = N_(
    {
        # What was typed
        "not_an_id": _where("“{typed}” is not a workflow ID."),
        "no_id": _where("`{command} show ID` needs the ID."),
        "strange_digits": _where(
            "“{typed}” has characters that only look like digits, so it is not a workflow ID."
        ),
        "document_number": _where(
            "“{typed}” looks like a document's number, not like a workflow's ID: one document can have several workflows."
        ),
        "portal_address": _portal_address,
        "force_before_id": "The ID comes first: `{command} ID force [reason]`. Nothing was sent.",
        "reason_too_long": _reason_too_long,
        "key_in_command": "That text contains an API key. Haltbot did not use or keep it, but Slack has seen it: revoke that key in Vibecode now. Never hand in a key in chat; `{command} key` tells how.",
        # The channel's key, and accounts
        "no_key": "This channel has no Vibecode API key yet, so nothing was sent. Set one with `{command} key`, or ask a Haltbot admin to run `haltbot key set --team {team} --channel {channel}`, or use a channel that has one.",
        "not_readable": _not_readable,
        "key_unusable": _key_unusable,
        "key_gone": "This channel had no key any more; nothing was changed.",
        "link_gone": "This link was used already, has expired, or was tried too often. `{command} key` makes another one.",
        "nothing_to_connect": "This channel has a personal API key, which needs no account of yours: there is nothing to connect. If its own session has ended, its owner has to authorise it again in Vibecode, or somebody sets another key.",
        "no_public_url": "Accounts are connected in the browser, and this Haltbot has no address that a browser can reach. Ask a Haltbot admin to set HALTBOT_PUBLIC_URL, or to set the key with a session: `haltbot key set --session`.",
        # The question and its buttons
        "not_the_requester": "Only <@{requester}>, who asked for this, can answer. Nothing was changed; to act yourself, run `{command}` with the ID.",
        "question_expired": "This question has expired, so nothing was done. If the workflow must still stop, run `{command}` again.",
        "older_question": "This button belongs to an earlier version of the question. Nothing was done; use the buttons shown now.",
        "question_gone": "This question is no longer known. Nothing was done; run `{command}` again.",
        "question_elsewhere": "This question was asked in another channel. Nothing was done; answer it there.",
        "already_decided": _already_decided,
        "twin_open": "The same is already under way for this workflow. Nothing more was done.",
        "own_press": _own_press,
        "no_break_glass": "Forcing alone is not allowed here (setting *break_glass*). Nothing was done; somebody else has to approve.",
        "break_glass_reason": "Say why this cannot wait for a second person.",
        "last_four_differ": "These are not the last four characters of the ID. Nothing was done.",
        "asked_too_late": "That refusal is too old to ask about. Run the command again.",
        "dialog_not_opened": "Slack did not open the dialog. Nothing was done; press again.",
        "breaker_not_tripped": "The breaker is not tripped any more. Nothing was changed.",
        # Rights
        "not_granted": _not_granted,
        "guest": "Guests of this workspace cannot use Haltbot, so nothing was done. Ask a full member of this channel to run the command.",
        "not_a_person": "Only people can use Haltbot: bots and deactivated accounts cannot.",
        "other_team": "This channel's Haltbot belongs to another workspace than you, and its settings (*allowed_teams*) do not name yours. Nothing was done; ask a member of the other workspace.",
        "group_unreadable": _unreadable(
            "Haltbot cannot read that user group: it was removed, or the app lacks the scope `usergroups:read`."
        ),
        "people_unreadable": _unreadable(
            "Haltbot cannot tell who that is: the app lacks the scope `users:read`."
        ),
        "settings_unreadable": "This channel's setting *{name}* cannot be understood, so nobody may do anything here until a Haltbot admin puts it right: `haltbot channel set`. Nothing was done.",
        "reason_needed": "In this channel a force needs a reason. Nothing was done; run the command again as `{command} ID force reason`.",
        # Who somebody is
        "who_unknown": "For ten minutes Slack could not say who you are and what you may do here, so nothing was done. Run the command again.",
        "who_unknown_yet": "Slack cannot say at the moment who you are and what you may do here. Your request is recorded; Haltbot asks again for up to ten minutes and tells you if it gives up.",
        "press_again": "Slack cannot say at the moment who you are and what you may do here. Nothing was done; try again in a minute.",
        # Trouble
        "not_recorded": "Haltbot could not confirm that your request was recorded. Look for its message in this channel; if none appears within a minute, run the command again: a repeated request does no harm.",
        "broken": "Something went wrong inside Haltbot, which is our fault. If you sent a command, look for its message in this channel before you run it again. Reference for your admin: {reference}",
    }
)
