"""Says what is known of a running instance: what it works on, since when, and whether it is stuck."""

from datetime import UTC, datetime
from typing import Any

from bot.domain.command import COMMAND
from bot.domain.instance import Instance, is_stuck, started_at
from bot.domain.termination import Termination
from bot.messages.error_catalog import explain
from bot.messages.mrkdwn import escape

_PAGES = {"DEAL": "crm/deal/details", "LEAD": "crm/lead/details", "CONTACT": "crm/contact/details"}
_PAGES |= {
    "COMPANY": "crm/company/details",
    "QUOTE": "crm/type/7/details",
    "SMART_INVOICE": "crm/type/31/details",
}
_CHANGED = {
    "template_id": "its template",
    "document_id": "its document",
    "started_at": "when it started",
    "started_by": "who started it",
}


_WITHHELD = (
    "What it works on is not shown here, where people of another organisation may be reading:"
    f" `{COMMAND} show ID` tells you privately."
)
_WITHHELD_CHANGES = "*It is not as it was when you were asked.*"


def clock(ms: int) -> str:
    """A time of day, in the reader's own zone where Slack can show it."""
    return _date(ms, "{time_secs}", "%H:%M:%S UTC")


def moment(ms: int) -> str:
    """A day and a time of day, likewise."""
    return _date(ms, "{date_short_pretty} {time}", "%Y-%m-%d %H:%M UTC")


def fields(
    workflow_id: str, instance: Instance | None, portal: str | None, now: int
) -> list[tuple[str, str]]:
    """Name what is known, each with its value; without an instance, what the identifier itself tells."""
    since = instance.started_at if instance and instance.started_at else started_at(workflow_id)
    known: list[tuple[str, str | None]] = [("Started", moment(since) if since else None)]
    if instance is not None:
        known = [
            ("Document", _document(instance, portal)),
            ("Template", escape(instance.template_id) if instance.template_id else None),
            *known,
            ("Started by", _starter(instance)),
            ("Last change", moment(instance.modified_at) if instance.modified_at else None),
            ("Step", lock(instance, now)),
        ]
    return [(name, value) for name, value in known if value]


def lock(instance: Instance, now: int) -> str:
    """Say what its step is doing."""
    until = instance.locked_until
    if until is None:
        return "waiting, not executing"
    if is_stuck(instance, now):
        return f"stuck: its lock ran out at {clock(until)}"
    return f"executing, locked until {clock(until)}"


def preview(termination: Termination) -> list[str]:
    """Say how well the instance is known to whoever has to decide about it."""
    said = []
    if termination.question.changes:
        what = " and ".join(_change(*change) for change in termination.question.changes)
        said.append(f"*It is not as you saw it:* {what}. {_decide_again(termination)}")
    match termination.question.preview:
        case None:
            said.append("Looking it up in Bitrix24 …")
        case "read":
            said.extend(_siblings(termination))
        case "withheld" | "withheld_changes":
            if termination.question.preview == "withheld_changes":
                said.append(f"{_WITHHELD_CHANGES} {_decide_again(termination)}")
            said.append(_WITHHELD)
        case "absent":
            said.append("It is not in the list of running workflows any more: it has probably finished.")
        case "not_found":
            said.append(
                "The portal runs so many workflows that this one was not found in time. You can still decide."
            )
        case code:
            why = explain(code, None).why
            said.append(f"What it is could not be looked up: {why} ({code}) You can still decide.")
    return said


def _decide_again(termination: Termination) -> str:
    sent = "Nothing was sent" if termination.calls.tries == 0 else "Nothing more was sent"
    return f"{sent}; please decide again."


def _change(name: str, was: Any, now: Any) -> str:
    said = [moment(value) if name == "started_at" else escape(str(value)) for value in (was, now)]
    return f"{_CHANGED[name]} changed from {said[0]} to {said[1]}"


def _siblings(termination: Termination) -> list[str]:
    count, seen = termination.question.stuck_siblings, termination.question.seen
    if not count or seen is None:
        return []
    of = f"template {escape(seen.template_id)}" if seen.template_id else "this kind"
    return [f"{count} more of {of}, or on the same document, {'is' if count == 1 else 'are'} stuck."]


def _document(instance: Instance, portal: str | None) -> str | None:
    document = instance.document_id
    if not document:
        return None
    kind, _, number = document.rpartition("_")
    dynamic = kind.removeprefix("DYNAMIC_")
    page = f"crm/type/{dynamic}/details" if kind != dynamic and dynamic.isdigit() else _PAGES.get(kind)
    if portal is None or page is None or not number.isdigit():
        return escape(document)
    return f"<{portal}/{page}/{number}/|{escape(document)}>"


def _starter(instance: Instance) -> str | None:
    if instance.started_by == "0":
        return "the system"
    return f"user {escape(instance.started_by)}" if instance.started_by else None


def _date(ms: int, shown: str, fallback: str) -> str:
    return f"<!date^{ms // 1000}^{shown}|{datetime.fromtimestamp(ms / 1000, UTC).strftime(fallback)}>"
