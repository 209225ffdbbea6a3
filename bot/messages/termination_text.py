"""The words of the one message of a termination: what is true now, why, and what to do next."""

from bot.domain.errors import AUTHORISABLE
from bot.domain.termination import RESUMABLE_MS, Outcome, Phase, Termination
from bot.messages.approvals import broken_glass, question, who_can_answer
from bot.messages.error_catalog import explain
from bot.messages.instance_text import preview, step
from bot.messages.language import N_, _, n_, paragraph
from bot.messages.times import clock, duration

_WORTH_TELLING_MS = 1500
_SERVER_ERRORS = 500

_ENDINGS = N_(
    {
        "gone": "*Stopped:* workflow `{workflow}` is gone (verified at {time}).",
        "gone_after": "*Stopped:* workflow `{workflow}` is gone after {duration} (verified at {time}).",
        "accepted": "*Accepted:* Bitrix24 took the order to stop workflow `{workflow}`.",
        "already_gone": "*Nothing to stop:* workflow `{workflow}` is not running.",
        "already_gone_unsure": "*Stopped, as far as we can tell:* workflow `{workflow}` is already gone.",
        "already_gone_untried": "*Already finished:* workflow `{workflow}` is not running any more. Nothing was done.",
        "failed": "*Not stopped:* workflow `{workflow}` was left as it is.",
        "failed_accepted": "*Not forced:* workflow `{workflow}` was not aborted. The stop that Bitrix24 accepted before still stands.",
        "unknown": "*Unknown:* Haltbot could not find out whether workflow `{workflow}` was stopped.",
        "cancelled": "*Kept running:* <@{decider}> decided not to stop workflow `{workflow}`. Nothing was done.",
        "cancelled_accepted": "*Not forced:* <@{decider}> decided against it. The stop of workflow `{workflow}` that Bitrix24 accepted before still stands.",
        "cancelled_unsure": "*Not tried again:* <@{decider}> decided against it. Whether an earlier try stopped workflow `{workflow}` is not known: look in the portal.",
        "expired": "*Expired:* nobody confirmed in time, so nothing was done to workflow `{workflow}`.",
        "expired_accepted": "*Expired:* nobody confirmed in time, so nothing more was sent. The stop of workflow `{workflow}` that Bitrix24 accepted before still stands.",
        "expired_unsure": "*Expired:* nobody confirmed in time, so nothing more was sent. Whether an earlier try stopped workflow `{workflow}` is not known: look in the portal.",
        "refused": "*Not allowed:* <@{user}> was told why. Nothing more was done to workflow `{workflow}`.",
    }
)


def headline(termination: Termination, phase: Phase, now: int) -> str:
    """Say in one sentence what is true now."""
    workflow = termination.request.workflow_id
    if phase is Phase.AWAITING_CONFIRMATION:
        return question(termination)
    if phase is Phase.OFFERED:
        return _offer_headline(termination, now)
    if termination.result.outcome is not None:
        return _ended(termination, termination.result.outcome)
    if termination.request.force:
        return _("*Force-terminating workflow `{workflow}`* …", workflow=workflow)
    return _("*Stopping workflow `{workflow}`* …", workflow=workflow)


def _offer_headline(t: Termination, now: int) -> str:
    workflow = t.request.workflow_id
    if not t.result.verified:
        unseen = N_(
            "*Not verified:* Bitrix24 accepted the stop of workflow `{workflow}`, but Haltbot could not see whether it is gone."
        )
        return _(unseen, workflow=workflow)
    if t.request.force:
        listed = N_(
            "*Still listed:* Bitrix24 accepted the forced stop of workflow `{workflow}`, but still lists it."
        )
        return _(listed, workflow=workflow)
    waited = duration((t.calls.watch_until or 0) - (t.calls.accepted_at or 0))
    running = N_("*Still running:* workflow `{workflow}` has not ended after {duration}.")
    seen = t.question.seen
    return paragraph(_(running, workflow=workflow, duration=waited), step(seen, now) if seen else None)


def _ended(t: Termination, outcome: Outcome) -> str:
    ended = t.result.ended_at or 0
    took = ended - (t.calls.accepted_at or ended)
    return _(
        _ENDINGS[_ending(t, outcome, took)],
        workflow=t.request.workflow_id,
        user=t.request.user,
        decider=t.question.decided_by,
        duration=duration(took),
        time=clock(ended),
    )


def _ending(t: Termination, outcome: Outcome, took: int) -> str:
    """Choose the sentence: what comes in the end does not take back what was sent before."""
    match outcome:
        case Outcome.GONE_VERIFIED:
            return "gone_after" if took >= _WORTH_TELLING_MS else "gone"
        case Outcome.ALREADY_GONE if t.calls.unsure:
            return "already_gone_unsure"
        case Outcome.ALREADY_GONE if t.calls.tries == 0:
            return "already_gone_untried"
        case Outcome.FAILED | Outcome.CANCELLED | Outcome.EXPIRED if t.calls.accepted_before:
            return f"{outcome}_accepted"
        case Outcome.CANCELLED | Outcome.EXPIRED if t.calls.unsure:
            return f"{outcome}_unsure"
        case _other:
            return outcome


def body(termination: Termination, phase: Phase, now: int, *, connects: bool = False) -> list[str]:
    """Say why it is so and what to do next; each string is a paragraph of its own.

    ``connects``: the button below connects an account on Haltbot's own page, and then the request goes on.
    """
    match phase:
        case Phase.AWAITING_CONFIRMATION:
            return [*preview(termination), *_what_force_destroys(termination), _answer_until(termination)]
        case Phase.WATCHING:
            return [_watching(termination, now), *_notes(termination)]
        case Phase.OFFERED:
            return [_offer(termination), *_notes(termination)]
    if termination.result.outcome is None:
        return [_still_trying(termination)] if termination.calls.trouble else []
    return [*_why_and_next(termination, connects=connects), *_notes(termination)]


def _what_force_destroys(termination: Termination) -> list[str]:
    destroys = N_(
        "Force aborts it in the middle of its step. Bitrix24 may also delete its history, tasks and log. This cannot be undone."
    )
    return [_(destroys)] if termination.request.force else []


def _answer_until(termination: Termination) -> str:
    if termination.question.approval:
        return who_can_answer(termination)
    user, until = termination.request.user, termination.question.expires_at
    if until is None:
        return _("Only <@{user}> can answer. Without an answer nothing is done.", user=user)
    answer = N_("Only <@{user}> can answer, until {time}. Without an answer nothing is done.")
    return _(answer, user=user, time=clock(until))


_WATCHING = N_(
    {
        "written_back": "A step was executing and may write it back, so Haltbot looks again.",
        "written_back_until": "A step was executing and may write it back, so Haltbot looks again until {time}.",
        "unknown": "Whether it is gone is not known yet. Haltbot keeps looking, and this message tells.",
        "unknown_until": "Whether it is gone is not known yet. Haltbot keeps looking until {time}, and this message tells.",
        "step": "Haltbot watches it, and this message tells when it is gone.",
        "step_until": "Haltbot watches it until {time}, and this message tells when it is gone.",
    }
)


def _watching(t: Termination, now: int) -> str:
    until, seen = t.calls.watch_until, t.question.seen
    gone = t.result.outcome is Outcome.GONE_VERIFIED
    why = "written_back" if gone else "step" if t.result.verified else "unknown"
    watching = _(_WATCHING[f"{why}_until" if until else why], time=clock(until or 0))
    if why != "step":
        return watching
    current = step(seen, now) if seen else None
    return paragraph(_("Its current step finishes first."), current, watching)


def _offer(termination: Termination) -> str:
    if not termination.result.verified:
        unread = _("The list of running workflows could not be read, or is too long.")
        return paragraph(unread, _look_in_portal())
    if termination.request.force:
        return _("A step that was running may have written it back. Force again, or look in the portal.")
    return _("Force aborts it; you are asked once more before anything is destroyed.")


def _look_in_portal() -> str:
    return _("Look in the portal whether it still runs; running the command again is safe.")


def _still_trying(termination: Termination) -> str:
    calls = termination.calls
    trying = _("Not yet: Haltbot keeps trying ({code}).", code=calls.trouble)
    tries = n_("{count} try so far.", "{count} tries so far.", calls.retries)
    why = explain(calls.trouble, calls.status).why
    return paragraph(trying, why, tries if calls.retries else None)


def _why_and_next(termination: Termination, *, connects: bool) -> list[str]:
    code, calls, workflow = termination.result.code, termination.calls, termination.request.workflow_id
    explanation = explain(code, calls.status)
    signs_in = connects and calls.signed_in and code in AUTHORISABLE
    next_step = _connect(termination) if signs_in else explanation.next
    match termination.result.outcome:
        case Outcome.ACCEPTED if not termination.result.verified:
            return [_("Whether it is gone could not be verified."), _look_in_portal()]
        case Outcome.ACCEPTED:
            listed = _("It was still in the list when Haltbot last looked.")
            return [
                listed,
                _("If it does not go, `{command} {workflow} force` aborts it.", workflow=workflow),
            ]
        case Outcome.ALREADY_GONE if calls.unsure:
            return [_("An earlier try got no clear answer; now Bitrix24 no longer has it.")]
        case Outcome.ALREADY_GONE if calls.tries == 0:
            return []
        case Outcome.ALREADY_GONE | Outcome.FAILED:
            return [explanation.why, next_step]
        case Outcome.UNKNOWN if calls.status and calls.status < _SERVER_ERRORS:
            # An earlier try was unclear, and then a refusal came that somebody has to mend.
            return [explanation.why, _look_in_portal(), next_step]
        case Outcome.UNKNOWN:
            return [explanation.why, _look_in_portal()]
        case Outcome.EXPIRED if termination.request.force:
            return [_("If it must still stop, run `{command} {workflow} force` again.", workflow=workflow)]
        case Outcome.EXPIRED:
            return [_("If it must still stop, run `{command} {workflow}` again.", workflow=workflow)]
        case _other:
            return []


def _connect(termination: Termination) -> str:
    if termination.result.outcome is not Outcome.FAILED:
        return _("Connect your Bitrix24 account (button below), then run the command once more.")
    connect = N_(
        "Connect your Bitrix24 account (button below). Within {duration} Haltbot then goes on by itself, or asks you once more; later, run the command again."
    )
    return _(connect, duration=duration(RESUMABLE_MS))


def _notes(termination: Termination) -> list[str]:
    broke_glass, calls = termination.question.broke_glass, termination.calls
    notes = [] if broke_glass is None else [broken_glass(broke_glass)]
    if calls.recovered:
        notes.append(_("This was recovered after a restart: Haltbot looked before it repeated anything."))
    if calls.softened:
        notes.append(_("It was asked softly first, with the reason; that did not suffice."))
    if calls.most_of_a_kind == 2:  # noqa: PLR2004 -- English has a word for it
        notes.append(_("The call was sent twice."))
    elif calls.most_of_a_kind > 1:
        sent = calls.most_of_a_kind
        notes.append(n_("The call was sent {count} time.", "The call was sent {count} times.", sent))
    return notes


def footer(termination: Termination) -> list[str]:
    """The small print: who, how, the code, and the reference that finds the log line and the audit record."""
    status, approver = termination.calls.status, termination.question.approved_by
    return [
        _("Asked by <@{user}>", user=termination.request.user),
        *([_("approved by <@{user}>", user=approver)] if approver else []),
        _("force") if termination.request.force else _("soft"),
        *([termination.result.code] if termination.result.code else []),
        *([f"HTTP {status}"] if status else []),
        _("ref {reference}", reference=termination.id),
    ]
