"""What Haltbot says to one person: usage, refusals, what was found; the message of a termination is beside it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot.domain.command import COMMAND
from bot.domain.errors import AUTHORISABLE, Refused
from bot.domain.instance import Lookup
from bot.domain.job import Job
from bot.domain.termination import Outcome, Phase, Termination
from bot.messages import access
from bot.messages.error_catalog import explain
from bot.messages.mrkdwn import escape
from bot.messages.permissions import REFUSALS

EXAMPLE_ID = "69f0c2d5ade389.22457798"

PRACTICE_BANNER = ":construction: *PRACTICE:* this workflow is made up, and nothing real is touched."

SET_UP = f"Haltbot is connected to this channel. `{COMMAND} help` tells what it can do."

USAGE = f"""*Stop a running Bitrix24 workflow*
`{COMMAND} ID [reason]` stops it softly: the current step may finish, history is kept.
`{COMMAND} ID force [reason]` aborts it at once. Haltbot asks you first; history and tasks may be lost.
`{COMMAND} show ID` tells what it is, and stops nothing. `{COMMAND} status` tells what is under way here.
`{COMMAND} config` shows who may do what in this channel.
`{COMMAND} key` shows this channel's API key, redacted, and takes a new one in. `{COMMAND} connect` connects your account.

An ID looks like `{EXAMPLE_ID}`. You find it in the portal's list of running workflows, \
or in the error that brought you here. Everything behind the ID (and `force`) is the reason, passed on as typed."""

_WHERE = (
    f"An ID looks like `{EXAMPLE_ID}`; you find it in the portal's list of running workflows."
    f" Nothing was sent. `{COMMAND} help` shows how to write it."
)


def _already_decided(termination: Termination) -> str:
    decided_by = f" by <@{termination.question.decided_by}>" if termination.question.decided_by else ""
    match termination.result.outcome:
        case Outcome.CANCELLED:
            return f"Already answered{decided_by}: keep running. Nothing more was done."
        case Outcome.EXPIRED:
            return _REFUSALS["question_expired"]({})
        case _:
            return f"Already answered{decided_by}. Nothing more was done; the message shows how it goes."


def _next(code: str, status: int | None) -> str:
    """Say what to do where no button is below."""
    return f"Run `{COMMAND} connect`, then ask again." if code in AUTHORISABLE else explain(code, status).next


_REFUSALS: dict[str, Callable[[Mapping[str, Any]], str]] = (
    {
        "not_an_id": lambda d: f"“{escape(d['typed'])}” is not a workflow ID. {_WHERE}",
        "no_id": lambda _: f"`{COMMAND} show ID` needs the ID. {_WHERE}",
        "strange_digits": lambda d: (
            f"“{escape(d['typed'])}” has characters that only look like digits, so it is not a workflow ID. {_WHERE}"
        ),
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
            f" Vibecode now. `{COMMAND} key` tells how a key is handed in; never in chat."
        ),
        "no_key": lambda d: (
            f"This channel has no Vibecode API key yet, so nothing was sent. Set one with `{COMMAND} key`, or ask a"
            f" Haltbot admin to run `haltbot key set --team {d['team']} --channel {d['channel']}`, or use a channel that"
            " has one."
        ),
        "not_readable": lambda d: (
            f"The list of running workflows could not be read: {explain(d['code'], d['status']).why} ({d['code']})"
            f" {_next(d['code'], d['status'])}"
        ),
        "key_unusable": lambda d: (
            f"This channel's key cannot be used: {explain(d['code'], None).why} ({d['code']}) {_next(d['code'], None)}"
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
        "question_gone": lambda _: (
            f"This question is no longer known. Nothing was done; run `{COMMAND}` again."
        ),
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
    | REFUSALS
    | access.REFUSALS
)


def refusal(refused: Refused) -> str:
    """Say why something was not done, and what to do instead."""
    return _REFUSALS[refused.reply](refused.detail)


def duplicate(termination: Termination, phase: Phase, link: str | None) -> str:
    """Point to the message of the termination that is already there."""
    where = f"<{link}|here is its message>" if link else "look for its message in this channel"
    state = "is already under way" if phase is not Phase.DONE else "has just been done"
    return (
        f"Stopping `{termination.request.workflow_id}` {state}, asked by <@{termination.request.user}>: {where}."
        f" No second one was started. Reference {termination.id}."
    )


def posted_elsewhere(code: str, channel: str) -> str:
    """Say, in the small print, why a message is not where it belongs, and what mends that."""
    if channel.startswith("D"):
        return "Haltbot is no member of this direct conversation, so each of its messages may be a new one."
    match code:
        case "not_in_channel" | "channel_not_found":
            return f"Haltbot is no member of <#{channel}>. To have it post there: `/invite @haltbot`"
        case "is_archived":
            return f"<#{channel}> is archived, so Haltbot tells it here."
        case _:
            return f"Slack did not take this message for <#{channel}> ({code}), so Haltbot tells it here."


def found(workflow_id: str, lookup: Lookup) -> str:
    """Say what ``show`` found; nothing was stopped."""
    name = f"`{workflow_id}`"
    if lookup.instance is not None:
        return f"*Workflow {name} is running.* Nothing was stopped."
    if lookup.certain:
        return f"*Workflow {name} is not running:* it finished, was stopped before, or the ID has a typo."
    return (
        f"*Workflow {name} was not found in time:* this portal runs {lookup.total or 'very many'} workflows."
    )


def under_way(jobs: Sequence[Job], links: Sequence[str | None]) -> str:
    """List what is not finished in this channel."""
    if not jobs:
        return "Nothing is under way in this channel."
    lines = [_line(job, link) for job, link in zip(jobs, links, strict=True)]
    return "\n".join(["*Under way in this channel*", *lines])


def _line(job: Job, link: str | None) -> str:
    termination = job.termination
    where = f" · <{link}|message>" if link else ""
    state = _STATES[job.phase]
    return f"• `{termination.request.workflow_id}` {state}, asked by <@{termination.request.user}>{where} · ref {termination.id}"


_STATES = {
    Phase.AWAITING_CONFIRMATION: "waits for an answer",
    Phase.REQUESTED: "is about to be stopped",
    Phase.CALLING: "is being stopped",
    Phase.WATCHING: "was accepted and is being watched",
    Phase.OFFERED: "is still running; force is offered",
    Phase.TELLING: "is finished; the message follows",
    Phase.DONE: "is finished",
}
