"""Every sentence that Haltbot says, in one place: what happened, why, what to do next."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot import replies_access
from bot.details import clock, lock, preview
from bot.domain import Job, Outcome, Phase, Termination
from bot.errors import Refused
from bot.explanations import explain
from bot.mrkdwn import escape
from bot.replies_rights import REFUSALS, note, title, who_can_answer
from bot.workflows import Sighting

COMMAND = "/terminate-workflow"
EXAMPLE_ID = "69f0c2d5ade389.22457798"

PRACTICE_BANNER = ":construction: *PRACTICE:* this workflow is made up, and nothing real is touched."

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
    decided_by = f" by <@{termination.decided_by}>" if termination.decided_by else ""
    match termination.outcome:
        case Outcome.CANCELLED:
            return f"Already answered{decided_by}: keep running. Nothing more was done."
        case Outcome.EXPIRED:
            return _REFUSALS["question_expired"]({})
        case _:
            return f"Already answered{decided_by}. Nothing more was done; the message shows how it goes."


_REFUSALS: dict[str, Callable[[Mapping[str, Any]], str]] = (
    {
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
        "not_readable": lambda d: (
            f"The list of running workflows could not be read: {explain(d['code'], d['status']).why} ({d['code']})"
            f" {explain(d['code'], d['status']).next}"
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
    | replies_access.REFUSALS
)


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


def found(workflow_id: str, sighting: Sighting) -> str:
    """Say what ``show`` found; nothing was stopped."""
    name = f"`{workflow_id}`"
    if sighting.instance is not None:
        return f"*Workflow {name} is running.* Nothing was stopped."
    if sighting.certain:
        return f"*Workflow {name} is not running:* it finished, was stopped before, or the ID has a typo."
    return f"*Workflow {name} was not found in time:* this portal runs {sighting.total or 'very many'} workflows."


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
    return (
        f"• `{termination.workflow_id}` {state}, asked by <@{termination.user}>{where} · ref {termination.id}"
    )


_STATES = {
    Phase.AWAITING_CONFIRMATION: "waits for an answer",
    Phase.REQUESTED: "is about to be stopped",
    Phase.CALLING: "is being stopped",
    Phase.WATCHING: "was accepted and is being watched",
    Phase.OFFERED: "is still running; force is offered",
    Phase.TELLING: "is finished; the message follows",
    Phase.DONE: "is finished",
}


def headline(termination: Termination, phase: Phase, now: int) -> str:
    """Say in one sentence what is true now."""
    name = f"`{termination.workflow_id}`"
    if phase is Phase.AWAITING_CONFIRMATION:
        return title(termination, name) or f"*Force-terminate workflow {name}?*"
    if phase is Phase.OFFERED:
        return _offer_headline(termination, name, now)
    if termination.outcome is None:
        return f"*{'Force-terminating' if termination.force else 'Stopping'} workflow {name}* …"
    return _HEADLINES[termination.outcome](termination, name)


def _offer_headline(t: Termination, name: str, now: int) -> str:
    if not t.verified:
        return f"*Not verified:* Bitrix24 accepted the stop, but whether workflow {name} is gone could not be seen."
    if t.force:
        return f"*Still listed:* Bitrix24 accepted the forced stop, but workflow {name} is in the list."
    waited = duration((t.watch_until or 0) - (t.accepted_at or 0))
    step = f" (step {lock(t.seen, now)})" if t.seen else ""
    return f"*Still running:* workflow {name} has not ended after {waited}{step}."


def _gone(t: Termination, name: str) -> str:
    took = (t.ended_at or 0) - (t.accepted_at or t.ended_at or 0)
    after = f" after {duration(took)}" if took >= _WORTH_TELLING_MS else ""
    return f"*Stopped:* workflow {name} is gone{after} (verified at {clock(t.ended_at or 0)})."


def _already_gone(t: Termination, name: str) -> str:
    if t.unsure:
        return f"*Stopped, as far as we can tell:* workflow {name} is already gone."
    if t.tries == 0:
        return f"*Already finished:* workflow {name} is not running any more. Nothing was done."
    return f"*Nothing to stop:* workflow {name} is not running."


_WORTH_TELLING_MS = 1500
_SERVER_ERRORS = 500
_STANDS = "The stop of workflow {} that Bitrix24 accepted before still stands."

_HEADLINES: dict[Outcome, Callable[[Termination, str], str]] = {
    Outcome.GONE_VERIFIED: _gone,
    Outcome.ACCEPTED: lambda _t, name: f"*Accepted:* Bitrix24 took the order to stop workflow {name}.",
    Outcome.ALREADY_GONE: _already_gone,
    Outcome.FAILED: lambda t, name: (
        f"*Not forced:* workflow {name} was not aborted. {_STANDS.format(name)}"
        if t.accepted_before
        else f"*Not stopped:* workflow {name} was left as it is."
    ),
    Outcome.UNKNOWN: lambda _t, name: (
        f"*Unknown:* we could not find out whether workflow {name} was stopped."
    ),
    Outcome.CANCELLED: lambda t, name: (
        f"*Not forced:* <@{t.decided_by}> decided against it. {_STANDS.format(name)}"
        if t.accepted_before
        else f"*Kept running:* <@{t.decided_by}> decided not to stop workflow {name}. Nothing was sent."
    ),
    Outcome.EXPIRED: lambda t, name: (
        f"*Expired:* nobody confirmed in time, so nothing more was sent. {_STANDS.format(name)}"
        if t.accepted_before
        else f"*Expired:* nobody confirmed in time, so nothing was done to workflow {name}."
    ),
    Outcome.REFUSED: lambda t, name: (
        f"*Not allowed:* <@{t.user}> was told why. Nothing more was done to workflow {name}."
    ),
}


def body(termination: Termination, phase: Phase, now: int) -> list[str]:
    """Say why it is so and what to do next; each string is a paragraph of its own."""
    match phase:
        case Phase.AWAITING_CONFIRMATION:
            destroys = [_FORCE_DESTROYS] if termination.force else []
            return [*preview(termination), *destroys, _answer_until(termination)]
        case Phase.WATCHING:
            return [_watching(termination, now), *_notes(termination)]
        case Phase.OFFERED:
            return [_offer(termination), *_notes(termination)]
    if termination.outcome is None:
        return [_still_trying(termination)] if termination.trouble else []
    return [*_why_and_next(termination), *_notes(termination)]


_FORCE_DESTROYS = (
    "Force aborts it in the middle of its step. Bitrix24 may also delete its history, tasks and log."
    " This cannot be undone."
)


def _answer_until(termination: Termination) -> str:
    if termination.approval:
        return who_can_answer(termination)
    until = f" until {clock(termination.expires_at)}" if termination.expires_at else ""
    return f"Only <@{termination.user}> can answer{until}. Without an answer nothing is done."


def _watching(termination: Termination, now: int) -> str:
    until = f" until {clock(termination.watch_until)}" if termination.watch_until else ""
    if termination.outcome is Outcome.GONE_VERIFIED:
        return f"A step was executing and may write it back: Haltbot looks again{until}."
    if not termination.verified:
        return f"Whether it is gone is not known yet: Haltbot keeps looking{until}; this message tells."
    step = f" ({lock(termination.seen, now)})" if termination.seen else ""
    return f"Its current step finishes first{step}. Haltbot watches it{until}; this message tells when it is gone."


def _offer(termination: Termination) -> str:
    if not termination.verified:
        return f"The list of running workflows could not be read, or is too long. {_LOOK_IN_PORTAL}"
    if termination.force:
        return "A step that was running may have written it back. Force again, or look in the portal."
    return "Force aborts it; you are asked once more before anything is destroyed."


_LOOK_IN_PORTAL = "Look in the portal whether it still runs; running the command again is safe."


def _still_trying(termination: Termination) -> str:
    why = explain(termination.trouble, termination.status).why
    so_far = f", {_times(termination.retries)} so far" if termination.retries else ""
    return f"Not yet: {why} Haltbot keeps trying ({termination.trouble}{so_far})."


def _why_and_next(termination: Termination) -> list[str]:
    explanation = explain(termination.code, termination.status)
    force = f"`{COMMAND} {termination.workflow_id} force`"
    match termination.outcome:
        case Outcome.ACCEPTED if not termination.verified:
            return ["Whether it is gone could not be verified.", _LOOK_IN_PORTAL]
        case Outcome.ACCEPTED:
            return [
                "It was still in the list when Haltbot last looked.",
                f"If it does not go, {force} aborts it.",
            ]
        case Outcome.ALREADY_GONE if termination.unsure:
            return ["An earlier try got no clear answer; now Bitrix24 no longer has it."]
        case Outcome.ALREADY_GONE if termination.tries == 0:
            return []
        case Outcome.ALREADY_GONE | Outcome.FAILED:
            return [_sentence(explanation.why), explanation.next]
        case Outcome.UNKNOWN if termination.status and termination.status < _SERVER_ERRORS:
            # An earlier try was unclear, and then a refusal came that somebody has to mend.
            return [_sentence(explanation.why), _LOOK_IN_PORTAL, explanation.next]
        case Outcome.UNKNOWN:
            return [_sentence(explanation.why), _LOOK_IN_PORTAL]
        case Outcome.EXPIRED:
            return [f"If it must still stop, run {force} again."]
        case _:
            return []


def _notes(termination: Termination) -> list[str]:
    notes = [broken] if (broken := note(termination)) else []
    if termination.recovered:
        notes.append("Recovered after a restart: Haltbot looked before it repeated anything.")
    if termination.softened:
        notes.append("It was asked softly first, with the reason; that did not suffice.")
    # Beginning softly takes two calls; whatever goes beyond was a repetition.
    if termination.tries > 1 + termination.softened:
        notes.append(f"The call was sent {_times(termination.tries)}.")
    return notes


def footer(termination: Termination) -> str:
    """The small line: who, how, the code, and the reference that finds the log line and the audit record."""
    parts = [f"Asked by <@{termination.user}>"]
    if termination.approved_by:
        parts.append(f"approved by <@{termination.approved_by}>")
    parts += ["force" if termination.force else "soft"]
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


def duration(ms: int) -> str:
    """Write a length of time the way people say it: ``42 s``, ``5 min``, ``1 h 5 min``."""
    seconds = round(ms / 1000)
    if seconds < 60:  # noqa: PLR2004 -- seconds in a minute
        return f"{seconds} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
