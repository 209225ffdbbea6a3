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


def headline(termination: Termination, phase: Phase, now: int) -> str:
    """Say in one sentence what is true now."""
    if phase is Phase.AWAITING_CONFIRMATION:
        return question(termination)
    if phase is Phase.OFFERED:
        return _offer_headline(termination, now)
    match termination.result.outcome:
        case None:
            return _under_way(termination)
        case Outcome.GONE_VERIFIED:
            return _gone(termination)
        case Outcome.ALREADY_GONE:
            return _already_gone(termination)
        case Outcome.FAILED:
            return _failed(termination)
        case Outcome.CANCELLED:
            return _cancelled(termination)
        case Outcome.EXPIRED:
            return _expired(termination)
        case other:
            return _(
                _HEADLINES[other], user=termination.request.user, workflow=termination.request.workflow_id
            )


_HEADLINES = {
    Outcome.ACCEPTED: N_("*Accepted:* Bitrix24 took the order to stop workflow `{workflow}`."),
    Outcome.UNKNOWN: N_("*Unknown:* Haltbot could not find out whether workflow `{workflow}` was stopped."),
    Outcome.REFUSED: N_(
        "*Not allowed:* <@{user}> was told why. Nothing more was done to workflow `{workflow}`."
    ),
}


def _under_way(t: Termination) -> str:
    if t.request.force:
        return _("*Force-terminating workflow `{workflow}`* …", workflow=t.request.workflow_id)
    return _("*Stopping workflow `{workflow}`* …", workflow=t.request.workflow_id)


def _failed(t: Termination) -> str:
    if t.calls.accepted_before:
        return _(
            "*Not forced:* workflow `{workflow}` was not aborted. The stop that Bitrix24 accepted before still stands.",
            workflow=t.request.workflow_id,
        )
    return _("*Not stopped:* workflow `{workflow}` was left as it is.", workflow=t.request.workflow_id)


def _offer_headline(t: Termination, now: int) -> str:
    workflow = t.request.workflow_id
    if not t.result.verified:
        return _(
            "*Not verified:* Bitrix24 accepted the stop of workflow `{workflow}`, but Haltbot could not see whether it is gone.",
            workflow=workflow,
        )
    if t.request.force:
        return _(
            "*Still listed:* Bitrix24 accepted the forced stop of workflow `{workflow}`, but still lists it.",
            workflow=workflow,
        )
    waited = duration((t.calls.watch_until or 0) - (t.calls.accepted_at or 0))
    running = _(
        "*Still running:* workflow `{workflow}` has not ended after {duration}.",
        workflow=workflow,
        duration=waited,
    )
    return paragraph(running, step(t.question.seen, now) if t.question.seen else None)


def _gone(t: Termination) -> str:
    ended = t.result.ended_at or 0
    took = ended - (t.calls.accepted_at or ended)
    if took < _WORTH_TELLING_MS:
        return _(
            "*Stopped:* workflow `{workflow}` is gone (verified at {time}).",
            workflow=t.request.workflow_id,
            time=clock(ended),
        )
    return _(
        "*Stopped:* workflow `{workflow}` is gone after {duration} (verified at {time}).",
        workflow=t.request.workflow_id,
        duration=duration(took),
        time=clock(ended),
    )


def _already_gone(t: Termination) -> str:
    if t.calls.unsure:
        return _(
            "*Stopped, as far as we can tell:* workflow `{workflow}` is already gone.",
            workflow=t.request.workflow_id,
        )
    if t.calls.tries == 0:
        return _(
            "*Already finished:* workflow `{workflow}` is not running any more. Nothing was done.",
            workflow=t.request.workflow_id,
        )
    return _("*Nothing to stop:* workflow `{workflow}` is not running.", workflow=t.request.workflow_id)


def _cancelled(t: Termination) -> str:
    """Deciding against it does not take back what was sent before."""
    values = {"user": t.question.decided_by, "workflow": t.request.workflow_id}
    if t.calls.accepted_before:
        return _(
            "*Not forced:* <@{user}> decided against it. The stop of workflow `{workflow}` that Bitrix24 accepted before still stands.",
            **values,
        )
    if t.calls.unsure:
        return _(
            "*Not tried again:* <@{user}> decided against it. Whether an earlier try stopped workflow `{workflow}` is not known: look in the portal.",
            **values,
        )
    return _(
        "*Kept running:* <@{user}> decided not to stop workflow `{workflow}`. Nothing was done.", **values
    )


def _expired(t: Termination) -> str:
    if t.calls.accepted_before:
        return _(
            "*Expired:* nobody confirmed in time, so nothing more was sent. The stop of workflow `{workflow}` that Bitrix24 accepted before still stands.",
            workflow=t.request.workflow_id,
        )
    if t.calls.unsure:
        return _(
            "*Expired:* nobody confirmed in time, so nothing more was sent. Whether an earlier try stopped workflow `{workflow}` is not known: look in the portal.",
            workflow=t.request.workflow_id,
        )
    return _(
        "*Expired:* nobody confirmed in time, so nothing was done to workflow `{workflow}`.",
        workflow=t.request.workflow_id,
    )


def body(termination: Termination, phase: Phase, now: int, *, connects: bool = False) -> list[str]:
    """Say why it is so and what to do next; each string is a paragraph of its own.

    ``connects``: the button below connects an account on Haltbot's own page, and then the request goes on.
    """
    match phase:
        case Phase.AWAITING_CONFIRMATION:
            destroys = [_force_destroys()] if termination.request.force else []
            return [*preview(termination), *destroys, _answer_until(termination)]
        case Phase.WATCHING:
            return [_watching(termination, now), *_notes(termination)]
        case Phase.OFFERED:
            return [_offer(termination), *_notes(termination)]
    if termination.result.outcome is None:
        return [_still_trying(termination)] if termination.calls.trouble else []
    return [*_why_and_next(termination, connects=connects), *_notes(termination)]


def _force_destroys() -> str:
    return _(
        "Force aborts it in the middle of its step. Bitrix24 may also delete its history, tasks and log. This cannot be undone."
    )


def _answer_until(termination: Termination) -> str:
    if termination.question.approval:
        return who_can_answer(termination)
    if termination.question.expires_at is None:
        return _(
            "Only <@{user}> can answer. Without an answer nothing is done.", user=termination.request.user
        )
    return _(
        "Only <@{user}> can answer, until {time}. Without an answer nothing is done.",
        user=termination.request.user,
        time=clock(termination.question.expires_at),
    )


def _watching(termination: Termination, now: int) -> str:
    until = termination.calls.watch_until
    looking = _("Haltbot looks until {time}.", time=clock(until)) if until else None
    if termination.result.outcome is Outcome.GONE_VERIFIED:
        return paragraph(_("A step was executing and may write it back, so Haltbot looks again."), looking)
    if not termination.result.verified:
        unknown = _("Whether it is gone is not known yet. Haltbot keeps looking, and this message tells.")
        return paragraph(unknown, looking)
    return paragraph(
        _("Its current step finishes first."),
        step(termination.question.seen, now) if termination.question.seen else None,
        _("Haltbot watches it, and this message tells when it is gone."),
        looking,
    )


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
    code, why = termination.calls.trouble, explain(termination.calls.trouble, termination.calls.status).why
    if termination.calls.retries == 0:
        return paragraph(_("Not yet: Haltbot keeps trying ({code}).", code=code), why)
    trying = n_(
        "Not yet: Haltbot keeps trying ({code}, {count} try so far).",
        "Not yet: Haltbot keeps trying ({code}, {count} tries so far).",
        termination.calls.retries,
        code=code,
    )
    return paragraph(trying, why)


def _why_and_next(termination: Termination, *, connects: bool) -> list[str]:
    explanation = explain(termination.result.code, termination.calls.status)
    signs_in = connects and termination.calls.signed_in and termination.result.code in AUTHORISABLE
    next_step = _connect(termination) if signs_in else explanation.next
    match termination.result.outcome:
        case Outcome.ACCEPTED if not termination.result.verified:
            return [_("Whether it is gone could not be verified."), _look_in_portal()]
        case Outcome.ACCEPTED:
            return [
                _("It was still in the list when Haltbot last looked."),
                _(
                    "If it does not go, `{command} {workflow} force` aborts it.",
                    workflow=termination.request.workflow_id,
                ),
            ]
        case Outcome.ALREADY_GONE if termination.calls.unsure:
            return [_("An earlier try got no clear answer; now Bitrix24 no longer has it.")]
        case Outcome.ALREADY_GONE if termination.calls.tries == 0:
            return []
        case Outcome.ALREADY_GONE | Outcome.FAILED:
            return [explanation.why, next_step]
        case Outcome.UNKNOWN if termination.calls.status and termination.calls.status < _SERVER_ERRORS:
            # An earlier try was unclear, and then a refusal came that somebody has to mend.
            return [explanation.why, _look_in_portal(), next_step]
        case Outcome.UNKNOWN:
            return [explanation.why, _look_in_portal()]
        case Outcome.EXPIRED if termination.request.force:
            workflow = termination.request.workflow_id
            return [_("If it must still stop, run `{command} {workflow} force` again.", workflow=workflow)]
        case Outcome.EXPIRED:
            workflow = termination.request.workflow_id
            return [_("If it must still stop, run `{command} {workflow}` again.", workflow=workflow)]
        case _other:
            return []


def _connect(termination: Termination) -> str:
    if termination.result.outcome is not Outcome.FAILED:
        return _("Connect your Bitrix24 account (button below), then run the command once more.")
    return _(
        "Connect your Bitrix24 account (button below). Within {duration} Haltbot then goes on by itself, or asks you once more; later, run the command again.",
        duration=duration(RESUMABLE_MS),
    )


def _notes(termination: Termination) -> list[str]:
    notes = (
        [] if termination.question.broke_glass is None else [broken_glass(termination.question.broke_glass)]
    )
    if termination.calls.recovered:
        notes.append(_("This was recovered after a restart: Haltbot looked before it repeated anything."))
    if termination.calls.softened:
        notes.append(_("It was asked softly first, with the reason; that did not suffice."))
    if termination.calls.most_of_a_kind > 1:
        times = termination.calls.most_of_a_kind
        notes.append(n_("The call was sent {count} time.", "The call was sent {count} times.", times))
    return notes


def footer(termination: Termination) -> list[str]:
    """The small print: who, how, the code, and the reference that finds the log line and the audit record."""
    parts = [_("Asked by <@{user}>", user=termination.request.user)]
    if termination.question.approved_by:
        parts.append(_("approved by <@{user}>", user=termination.question.approved_by))
    parts.append(_("force") if termination.request.force else _("soft"))
    if termination.result.code:
        parts.append(termination.result.code)
    if termination.calls.status:
        parts.append(f"HTTP {termination.calls.status}")
    parts.append(_("ref {reference}", reference=termination.id))
    return parts
