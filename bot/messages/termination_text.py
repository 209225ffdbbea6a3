"""The words of the one message of a termination: what is true now, why, and what to do next."""

from collections.abc import Callable
from dataclasses import replace

from bot.domain.command import COMMAND
from bot.domain.errors import AUTHORISABLE
from bot.domain.termination import RESUMABLE_MS, Outcome, Phase, Termination
from bot.messages.error_catalog import explain
from bot.messages.instance_text import clock, lock, preview
from bot.messages.mrkdwn import sentence
from bot.messages.permissions import note, title, who_can_answer


def headline(termination: Termination, phase: Phase, now: int) -> str:
    """Say in one sentence what is true now."""
    name = f"`{termination.request.workflow_id}`"
    if phase is Phase.AWAITING_CONFIRMATION:
        return title(termination, name) or f"*Force-terminate workflow {name}?*"
    if phase is Phase.OFFERED:
        return _offer_headline(termination, name, now)
    if termination.result.outcome is None:
        return f"*{'Force-terminating' if termination.request.force else 'Stopping'} workflow {name}* …"
    return _HEADLINES[termination.result.outcome](termination, name)


def _offer_headline(t: Termination, name: str, now: int) -> str:
    if not t.result.verified:
        return f"*Not verified:* Bitrix24 accepted the stop, but whether workflow {name} is gone could not be seen."
    if t.request.force:
        return f"*Still listed:* Bitrix24 accepted the forced stop, but workflow {name} is in the list."
    waited = duration((t.calls.watch_until or 0) - (t.calls.accepted_at or 0))
    step = f" (step {lock(t.question.seen, now)})" if t.question.seen else ""
    return f"*Still running:* workflow {name} has not ended after {waited}{step}."


def _gone(t: Termination, name: str) -> str:
    took = (t.result.ended_at or 0) - (t.calls.accepted_at or t.result.ended_at or 0)
    after = f" after {duration(took)}" if took >= _WORTH_TELLING_MS else ""
    return f"*Stopped:* workflow {name} is gone{after} (verified at {clock(t.result.ended_at or 0)})."


def _already_gone(t: Termination, name: str) -> str:
    if t.calls.unsure:
        return f"*Stopped, as far as we can tell:* workflow {name} is already gone."
    if t.calls.tries == 0:
        return f"*Already finished:* workflow {name} is not running any more. Nothing was done."
    return f"*Nothing to stop:* workflow {name} is not running."


def _left(t: Termination, name: str, *, accepted: str, unsure: str, untouched: str) -> str:
    """Say that no more was done, which does not take back what was sent before."""
    if t.calls.accepted_before:
        return f"{accepted} {_STANDS.format(name)}"
    if t.calls.unsure:
        return f"{unsure} Whether an earlier try stopped workflow {name} is not known: look in the portal."
    return untouched


_WORTH_TELLING_MS = 1500
_SERVER_ERRORS = 500
_STANDS = "The stop of workflow {} that Bitrix24 accepted before still stands."

_HEADLINES: dict[Outcome, Callable[[Termination, str], str]] = {
    Outcome.GONE_VERIFIED: _gone,
    Outcome.ACCEPTED: lambda _t, name: f"*Accepted:* Bitrix24 took the order to stop workflow {name}.",
    Outcome.ALREADY_GONE: _already_gone,
    Outcome.FAILED: lambda t, name: (
        f"*Not forced:* workflow {name} was not aborted. {_STANDS.format(name)}"
        if t.calls.accepted_before
        else f"*Not stopped:* workflow {name} was left as it is."
    ),
    Outcome.UNKNOWN: lambda _t, name: (
        f"*Unknown:* we could not find out whether workflow {name} was stopped."
    ),
    Outcome.CANCELLED: lambda t, name: _left(
        t,
        name,
        accepted=f"*Not forced:* <@{t.question.decided_by}> decided against it.",
        unsure=f"*Not tried again:* <@{t.question.decided_by}> decided against it.",
        untouched=f"*Kept running:* <@{t.question.decided_by}> decided not to stop workflow {name}. Nothing was done.",
    ),
    Outcome.EXPIRED: lambda t, name: _left(
        t,
        name,
        accepted="*Expired:* nobody confirmed in time, so nothing more was sent.",
        unsure="*Expired:* nobody confirmed in time, so nothing more was sent.",
        untouched=f"*Expired:* nobody confirmed in time, so nothing was done to workflow {name}.",
    ),
    Outcome.REFUSED: lambda t, name: (
        f"*Not allowed:* <@{t.request.user}> was told why. Nothing more was done to workflow {name}."
    ),
}


def body(termination: Termination, phase: Phase, now: int, *, connects: bool = False) -> list[str]:
    """Say why it is so and what to do next; each string is a paragraph of its own.

    ``connects``: the button below connects an account on Haltbot's own page, and then the request goes on.
    """
    match phase:
        case Phase.AWAITING_CONFIRMATION:
            destroys = [_FORCE_DESTROYS] if termination.request.force else []
            return [*preview(termination), *destroys, _answer_until(termination)]
        case Phase.WATCHING:
            return [_watching(termination, now), *_notes(termination)]
        case Phase.OFFERED:
            return [_offer(termination), *_notes(termination)]
    if termination.result.outcome is None:
        return [_still_trying(termination)] if termination.calls.trouble else []
    return [*_why_and_next(termination, connects=connects), *_notes(termination)]


_FORCE_DESTROYS = (
    "Force aborts it in the middle of its step. Bitrix24 may also delete its history, tasks and log."
    " This cannot be undone."
)


def _answer_until(termination: Termination) -> str:
    if termination.question.approval:
        return who_can_answer(termination)
    until = f" until {clock(termination.question.expires_at)}" if termination.question.expires_at else ""
    return f"Only <@{termination.request.user}> can answer{until}. Without an answer nothing is done."


def _watching(termination: Termination, now: int) -> str:
    until = f" until {clock(termination.calls.watch_until)}" if termination.calls.watch_until else ""
    if termination.result.outcome is Outcome.GONE_VERIFIED:
        return f"A step was executing and may write it back: Haltbot looks again{until}."
    if not termination.result.verified:
        return f"Whether it is gone is not known yet: Haltbot keeps looking{until}; this message tells."
    step = f" ({lock(termination.question.seen, now)})" if termination.question.seen else ""
    return f"Its current step finishes first{step}. Haltbot watches it{until}; this message tells when it is gone."


def _offer(termination: Termination) -> str:
    if not termination.result.verified:
        return f"The list of running workflows could not be read, or is too long. {_LOOK_IN_PORTAL}"
    if termination.request.force:
        return "A step that was running may have written it back. Force again, or look in the portal."
    return "Force aborts it; you are asked once more before anything is destroyed."


_LOOK_IN_PORTAL = "Look in the portal whether it still runs; running the command again is safe."


def _still_trying(termination: Termination) -> str:
    why = explain(termination.calls.trouble, termination.calls.status).why
    so_far = f", {_times(termination.calls.retries)} so far" if termination.calls.retries else ""
    return f"Not yet: {why} Haltbot keeps trying ({termination.calls.trouble}{so_far})."


def _why_and_next(termination: Termination, *, connects: bool) -> list[str]:
    explanation = explain(termination.result.code, termination.calls.status)
    if connects and termination.calls.signed_in and termination.result.code in AUTHORISABLE:
        explanation = replace(explanation, next=_connect(termination))
    force = f"`{COMMAND} {termination.request.workflow_id} force`"
    match termination.result.outcome:
        case Outcome.ACCEPTED if not termination.result.verified:
            return ["Whether it is gone could not be verified.", _LOOK_IN_PORTAL]
        case Outcome.ACCEPTED:
            return [
                "It was still in the list when Haltbot last looked.",
                f"If it does not go, {force} aborts it.",
            ]
        case Outcome.ALREADY_GONE if termination.calls.unsure:
            return ["An earlier try got no clear answer; now Bitrix24 no longer has it."]
        case Outcome.ALREADY_GONE if termination.calls.tries == 0:
            return []
        case Outcome.ALREADY_GONE | Outcome.FAILED:
            return [sentence(explanation.why), explanation.next]
        case Outcome.UNKNOWN if termination.calls.status and termination.calls.status < _SERVER_ERRORS:
            # An earlier try was unclear, and then a refusal came that somebody has to mend.
            return [sentence(explanation.why), _LOOK_IN_PORTAL, explanation.next]
        case Outcome.UNKNOWN:
            return [sentence(explanation.why), _LOOK_IN_PORTAL]
        case Outcome.EXPIRED:
            return [f"If it must still stop, run {force} again."]
        case _:
            return []


def _connect(termination: Termination) -> str:
    if termination.result.outcome is not Outcome.FAILED:
        return "Connect your Bitrix24 account (button below), then run the command once more."
    return (
        f"Connect your Bitrix24 account (button below): within {duration(RESUMABLE_MS)} Haltbot then goes on by itself, or asks"
        " you once more; later, run the command again."
    )


def _notes(termination: Termination) -> list[str]:
    notes = [broken] if (broken := note(termination)) else []
    if termination.calls.recovered:
        notes.append("This was recovered after a restart: Haltbot looked before it repeated anything.")
    if termination.calls.softened:
        notes.append("It was asked softly first, with the reason; that did not suffice.")
    if termination.calls.most_of_a_kind > 1:
        notes.append(f"The call was sent {_times(termination.calls.most_of_a_kind)}.")
    return notes


def footer(termination: Termination) -> str:
    """The small line: who, how, the code, and the reference that finds the log line and the audit record."""
    parts = [f"Asked by <@{termination.request.user}>"]
    if termination.question.approved_by:
        parts.append(f"approved by <@{termination.question.approved_by}>")
    parts += ["force" if termination.request.force else "soft"]
    if termination.result.code:
        parts.append(termination.result.code)
    if termination.calls.status:
        parts.append(f"HTTP {termination.calls.status}")
    parts.append(f"ref {termination.id}")
    return " · ".join(parts)


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def duration(ms: int) -> str:
    """Write a length of time the way people say it: ``42 s``, ``5 min``, ``1 h 5 min``."""
    seconds = round(ms / 1000)
    if seconds < 60:  # noqa: PLR2004 -- seconds in a minute
        return f"{seconds} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
