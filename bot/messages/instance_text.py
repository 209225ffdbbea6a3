"""Says what is known of a running instance: what it works on, since when, and whether it is stuck."""

from typing import Any

from bot.domain.instance import Instance, is_stuck, started_at
from bot.domain.termination import Termination
from bot.messages.error_catalog import explain
from bot.messages.language import N_, _, n_, paragraph
from bot.messages.mrkdwn import escape
from bot.messages.times import clock, moment

_PAGES = {
    "DEAL": "crm/deal/details",
    "LEAD": "crm/lead/details",
    "CONTACT": "crm/contact/details",
    "COMPANY": "crm/company/details",
    "QUOTE": "crm/type/7/details",
    "SMART_INVOICE": "crm/type/31/details",
}
_CHANGED = N_(
    {
        "template_id": "Its template changed from {was} to {now}.",
        "document_id": "Its document changed from {was} to {now}.",
        "started_at": "Its start changed from {was} to {now}.",
        "started_by": "Its starter changed from {was} to {now}.",
    }
)


def fields(
    workflow_id: str, instance: Instance | None, portal: str | None, now: int
) -> list[tuple[str, str]]:
    """Name what is known, each with its value; without an instance, what the identifier itself tells."""
    since = instance.started_at if instance and instance.started_at else started_at(workflow_id)
    known: list[tuple[str, str | None]] = [(_("Started"), moment(since) if since else None)]
    if instance is not None:
        known = [
            (_("Document"), _document(instance, portal)),
            (_("Template"), escape(instance.template_id) if instance.template_id else None),
            *known,
            (_("Started by"), _starter(instance)),
            (_("Last change"), moment(instance.modified_at) if instance.modified_at else None),
            (_("Step"), _lock(instance, now)),
        ]
    return [(name, value) for name, value in known if value]


def step(instance: Instance, now: int) -> str:
    """Say in a sentence what its step is doing."""
    until = instance.locked_until
    if until is None:
        return _("It waits; no step is executing.")
    if is_stuck(instance, now):
        return _("Its step is stuck: the lock ran out at {time}.", time=clock(until))
    return _("Its step is executing, locked until {time}.", time=clock(until))


def preview(termination: Termination) -> list[str]:
    """Say how well the instance is known to whoever has to decide about it."""
    said = []
    if termination.question.changes:
        changes = [_change(*change) for change in termination.question.changes]
        said.append(paragraph(_("*It is not as you saw it.*"), *changes, _decide_again(termination)))
    match termination.question.preview:
        case None:
            said.append(_("Looking it up in Bitrix24 …"))
        case "read":
            said.extend(_siblings(termination))
        case "withheld" | "withheld_changes":
            if termination.question.preview == "withheld_changes":
                said.append(
                    paragraph(_("*It is not as it was when you were asked.*"), _decide_again(termination))
                )
            said.append(
                _(
                    "What it works on is not shown here, where people of another organisation may be reading: `{command} show ID` tells you privately."
                )
            )
        case "absent":
            said.append(_("It is not in the list of running workflows any more: it has probably finished."))
        case "not_found":
            said.append(
                _(
                    "The portal runs so many workflows that this one was not found in time. You can still decide."
                )
            )
        case code:
            unread = _("What it is could not be looked up ({code}).", code=code)
            said.append(paragraph(unread, explain(code, None).why, _("You can still decide.")))
    return said


def _decide_again(termination: Termination) -> str:
    if termination.calls.tries == 0:
        return _("Nothing was sent; please decide again.")
    return _("Nothing more was sent; please decide again.")


def _change(name: str, was: Any, now: Any) -> str:
    was, now = [moment(value) if name == "started_at" else escape(str(value)) for value in (was, now)]
    return _(_CHANGED[name], was=was, now=now)


def _siblings(termination: Termination) -> list[str]:
    count, seen = termination.question.stuck_siblings, termination.question.seen
    if not count or seen is None:
        return []
    if not seen.template_id:
        return [
            n_(
                "{count} more of this kind, or on the same document, is stuck.",
                "{count} more of this kind, or on the same document, are stuck.",
                count,
            )
        ]
    return [
        n_(
            "{count} more of template {template}, or on the same document, is stuck.",
            "{count} more of template {template}, or on the same document, are stuck.",
            count,
            template=escape(seen.template_id),
        )
    ]


def _lock(instance: Instance, now: int) -> str:
    until = instance.locked_until
    if until is None:
        return _("waiting, not executing")
    if is_stuck(instance, now):
        return _("stuck: its lock ran out at {time}", time=clock(until))
    return _("executing, locked until {time}", time=clock(until))


def _document(instance: Instance, portal: str | None) -> str | None:
    document = instance.document_id
    if not document:
        return None
    kind, _dash, number = document.rpartition("_")
    dynamic = kind.removeprefix("DYNAMIC_")
    page = f"crm/type/{dynamic}/details" if kind != dynamic and dynamic.isdigit() else _PAGES.get(kind)
    if portal is None or page is None or not number.isdigit():
        return escape(document)
    return f"<{portal}/{page}/{number}/|{escape(document)}>"


def _starter(instance: Instance) -> str | None:
    if instance.started_by == "0":
        return _("the system")
    return _("user {id}", id=escape(instance.started_by)) if instance.started_by else None
