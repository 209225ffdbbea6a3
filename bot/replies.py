"""Every sentence that Haltbot says, in one place: what happened, why, what to do next."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from bot.domain import Outcome, Phase, Termination
from bot.errors import Refused
from bot.explanations import explain
from bot.mrkdwn import escape

COMMAND = "/terminate-workflow"
EXAMPLE_ID = "69f0c2d5ade389.22457798"

USAGE = f"""*Stop a running Bitrix24 workflow*
`{COMMAND} ID [reason]` stops it softly: the current step may finish, history is kept.
`{COMMAND} ID force [reason]` aborts it at once. Haltbot asks you first; history and tasks may be lost.

An ID looks like `{EXAMPLE_ID}`. You find it in the portal's list of running workflows, \
or in the error that brought you here. Everything behind the ID (and `force`) is the reason, passed on as typed."""

_WHERE = (
    f"An ID looks like `{EXAMPLE_ID}`; you find it in the portal's list of running workflows."
    f" Nothing was sent. `{COMMAND} help` shows how to write it."
)


def when(ms: int) -> str:
    """Write a time of day for a text; blocks show it in the reader's own zone."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%H:%M:%S UTC")


def _already_decided(termination: Termination) -> str:
    decided_by = f" by <@{termination.decided_by}>" if termination.decided_by else ""
    match termination.outcome:
        case Outcome.CANCELLED:
            return f"Already answered{decided_by}: keep running. Nothing more was done."
        case Outcome.EXPIRED:
            return _REFUSALS["question_expired"]({})
        case _:
            return f"Already answered{decided_by}. Nothing more was done; the message shows how it goes."


_REFUSALS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "not_an_id": lambda d: f"“{escape(d['typed'])}” is not a workflow ID. {_WHERE}",
    "document_number": lambda d: (
        f"“{escape(d['typed'])}” looks like a document's number, not like a workflow's ID: one document can have several"
        f" workflows. {_WHERE}"
    ),
    "portal_address": lambda d: (
        f"That is a portal address. It contains the ID `{d['found']}`; if that is the one, run"
        f" `{COMMAND} {d['found']}`. Nothing was sent."
        if d["found"]
        else f"That is a portal address, not a workflow's ID. {_WHERE}"
    ),
    "force_before_id": lambda _: f"The ID comes first: `{COMMAND} ID force [reason]`. Nothing was sent.",
    "reason_too_long": lambda d: (
        f"The reason has {d['length']} characters; at most {d['limit']} can be passed on. Nothing was sent:"
        " shorten it and run the command again."
    ),
    "key_in_command": lambda _: (
        "That text contains an API key. Haltbot did not use or keep it, but Slack has seen it: revoke that key in"
        " Vibecode now. Keys are set in a shell, never in chat: `haltbot key set`."
    ),
    "unknown_word": lambda d: f"“{escape(d['word'])}” is not available here. {USAGE}",
    "no_key": lambda d: (
        "This channel has no Vibecode API key yet, so nothing was sent. Ask a Haltbot admin to run"
        f" `haltbot key set --team {d['team']} --channel {d['channel']}`, or use a channel that has one."
    ),
    "not_the_requester": lambda d: (
        f"Only <@{d['requester']}>, who asked for this, can answer. Nothing was changed; to act yourself, run"
        f" `{COMMAND}` with the ID."
    ),
    "question_expired": lambda _: (
        f"This question has expired, so nothing was done. If the workflow must still stop, run `{COMMAND}` again."
    ),
    "older_question": lambda _: (
        "This button belongs to an earlier version of the question. Nothing was done; use the buttons shown now."
    ),
    "question_gone": lambda _: f"This question is no longer known. Nothing was done; run `{COMMAND}` again.",
    "question_elsewhere": lambda _: (
        "This question was asked in another channel. Nothing was done; answer it there."
    ),
    "already_decided": lambda d: _already_decided(d["termination"]),
    "twin_open": lambda _: "The same is already under way for this workflow. Nothing more was done.",
    "not_recorded": lambda _: (
        "Haltbot could not confirm that your request was recorded. Look for its message in this channel; if none"
        " appears within a minute, run the command again: a repeated request does no harm."
    ),
    "malformed": lambda _: "Slack sent something that Haltbot does not understand. Nothing was done.",
    "broken": lambda d: (
        "Something went wrong inside Haltbot, which is our fault. If you sent a command, look for its message in"
        f" this channel before you run it again. Reference for your admin: {d['reference']}"
    ),
}


def refusal(refused: Refused) -> str:
    """Say why something was not done, and what to do instead."""
    return _REFUSALS[refused.reply](refused.detail)


def duplicate(termination: Termination, phase: Phase, link: str | None) -> str:
    """Point to the message of the termination that is already there."""
    where = f"<{link}|here is its message>" if link else "look for its message in this channel"
    state = "is already under way" if phase is not Phase.DONE else "has just been done"
    return (
        f"Stopping `{termination.workflow_id}` {state}, asked by <@{termination.user}>: {where}."
        f" No second one was started. Reference {termination.id}."
    )


def headline(termination: Termination, phase: Phase) -> str:
    """Say in one sentence what is true now."""
    name = f"`{termination.workflow_id}`"
    if phase is Phase.AWAITING_CONFIRMATION:
        return f"*Force-terminate workflow {name}?*"
    if termination.outcome is None:
        return f"*{'Force-terminating' if termination.force else 'Stopping'} workflow {name}* …"
    return _HEADLINES[termination.outcome](termination, name)


def _gone(t: Termination, name: str) -> str:
    return f"*Stopped:* workflow {name} is gone (verified at {when(t.ended_at or 0)})."


def _already_gone(t: Termination, name: str) -> str:
    if t.unsure:
        return f"*Stopped, as far as we can tell:* workflow {name} is already gone."
    return f"*Nothing to stop:* workflow {name} is not running."


_HEADLINES: dict[Outcome, Callable[[Termination, str], str]] = {
    Outcome.GONE_VERIFIED: _gone,
    Outcome.ACCEPTED: lambda _t, name: f"*Accepted:* Bitrix24 took the order to stop workflow {name}.",
    Outcome.ALREADY_GONE: _already_gone,
    Outcome.FAILED: lambda _t, name: f"*Not stopped:* workflow {name} was left as it is.",
    Outcome.UNKNOWN: lambda _t, name: (
        f"*Unknown:* we could not find out whether workflow {name} was stopped."
    ),
    Outcome.CANCELLED: lambda t, name: (
        f"*Kept running:* <@{t.decided_by}> decided not to stop workflow {name}. Nothing was sent."
    ),
    Outcome.EXPIRED: lambda _t, name: (
        f"*Expired:* nobody confirmed in time, so nothing was done to workflow {name}."
    ),
}


def body(termination: Termination, phase: Phase) -> list[str]:
    """Say why it is so and what to do next; each string is a paragraph of its own."""
    if phase is Phase.AWAITING_CONFIRMATION:
        return [_FORCE_DESTROYS, _answer_until(termination)]
    if termination.outcome is None:
        return [_still_trying(termination)] if termination.trouble else []
    return [*_why_and_next(termination), *_notes(termination)]


_FORCE_DESTROYS = (
    "Force aborts it in the middle of its step. Bitrix24 may also delete its history, tasks and log."
    " This cannot be undone."
)


def _answer_until(termination: Termination) -> str:
    until = f" until {when(termination.expires_at)}" if termination.expires_at else ""
    return f"Only <@{termination.user}> can answer{until}. Without an answer nothing is done."


def _still_trying(termination: Termination) -> str:
    why = explain(termination.trouble, termination.status).why
    return f"Not yet: {why} Haltbot keeps trying ({termination.trouble}, {_times(termination.tries)} so far)."


def _why_and_next(termination: Termination) -> list[str]:
    explanation = explain(termination.code, termination.status)
    match termination.outcome:
        case Outcome.ACCEPTED if termination.verified is False:
            return [
                "Whether it is gone could not be verified: the list of running workflows could not be read.",
                f"Look in the portal, or run `{COMMAND} {termination.workflow_id}` again in a minute.",
            ]
        case Outcome.ACCEPTED:
            return [
                "It is still in the list: the current step finishes first.",
                f"If it does not go, `{COMMAND} {termination.workflow_id} force` aborts it.",
            ]
        case Outcome.ALREADY_GONE if termination.unsure:
            return ["An earlier try got no clear answer; now Bitrix24 no longer has it."]
        case Outcome.ALREADY_GONE | Outcome.FAILED:
            return [_sentence(explanation.why), explanation.next]
        case Outcome.UNKNOWN:
            return [
                _sentence(explanation.why),
                "Look in the portal whether it still runs; running the command again is safe.",
            ]
        case Outcome.EXPIRED:
            again = f"{COMMAND} {termination.workflow_id} force"
            return [f"If it must still stop, run `{again}` again."]
        case _:
            return []


def _notes(termination: Termination) -> list[str]:
    notes = []
    if termination.recovered:
        notes.append("Recovered after a restart: Haltbot looked before it repeated anything.")
    if termination.tries > 1:
        notes.append(f"The call was sent {_times(termination.tries)}.")
    return notes


def footer(termination: Termination) -> str:
    """The small line: who, how, the code, and the reference that finds the log line and the audit record."""
    parts = [f"Asked by <@{termination.user}>", "force" if termination.force else "soft"]
    if termination.code:
        parts.append(termination.code)
    if termination.status:
        parts.append(f"HTTP {termination.status}")
    parts.append(f"ref {termination.id}")
    return " · ".join(parts)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
