"""The Bitrix24 portal: its running workflows with their steps and locks, and those that ended just now."""

from typing import Any

from sandbox.vibecode import Instance, Step, VibecodeSandbox
from sandbox.web.html import Html, tag
from sandbox.web.reader import Reader

MOST_SHOWN = 30
MOST_ENDED = 5
_ENDED = {"soft": "stopped softly", "forced": "aborted by force", "finished": "finished by itself"}

STARTS: dict[str, tuple[str, dict[str, Any]]] = {
    "waiting": (
        "waits for an approval",
        {"steps": [Step(86_400, locked=False)], "template": "713", "document": "DEAL_5141"},
    ),
    "working": (
        "works step by step",
        {"steps": [8.0] * 6, "template": "208", "document": "LEAD_977", "entity": "CCrmDocumentLead"},
    ),
    "long": (
        "is in a long step",
        {"steps": [3600.0, 60.0], "template": "431", "document": "DEAL_6002"},
    ),
    "stuck": ("is stuck", {"stuck": True, "template": "390", "document": "DEAL_1207"}),
    "returns": (
        "comes back after force",
        {"steps": [3600.0], "writes_back_after_force": 4.0, "template": "431", "document": "DEAL_6003"},
    ),
}


def portal(vibecode: VibecodeSandbox, reader: Reader) -> Html:
    """Show what runs, oldest first, then what ended last."""
    now = reader.workspace.clock()
    everything = list(vibecode.instances.values())
    running = [instance for instance in everything if instance.running]
    ended = sorted(
        (instance for instance in everything if not instance.running),
        key=lambda instance: instance.ended_at or 0,
        reverse=True,
    )
    more = len(running) - MOST_SHOWN
    return tag(
        "div",
        tag("p", f"{len(running)} running", class_="count"),
        tag("ul", [_running(instance, now) for instance in running[:MOST_SHOWN]], class_="instances"),
        tag("p", f"and {more} more", class_="count") if more > 0 else None,
        tag("h3", "Ended") if ended else None,
        tag("ul", [_ended(instance, reader) for instance in ended[:MOST_ENDED]], class_="instances ended"),
    )


def _running(instance: Instance, now: float) -> Html:
    state, words = _state(instance, now)
    return tag(
        "li",
        tag(
            "p",
            tag("code", instance.id, class_="id"),
            tag("span", words, class_=f"state {state}"),
        ),
        tag(
            "p",
            tag("span", f"Template {instance.template} · {instance.document}"),
            tag(
                "span",
                _fill("Stop…", f"{instance.id} ", f"Write the command that stops {instance.id}"),
                _fill("Force…", f"{instance.id} force ", f"Write the command that aborts {instance.id}"),
                class_="row-actions",
            ),
            class_="what",
        ),
        _progress(instance, now),
        class_="instance",
        data_key=instance.id,
    )


def _fill(label: str, text: str, name: str) -> Html:
    return tag("button", label, type="button", class_="quiet", data_fill=text, aria_label=name)


def _state(instance: Instance, now: float) -> tuple[str, str]:
    if instance.terminating:
        return "terminating", "ends after this step"
    if instance.stuck:
        minutes = (now - (instance.locked_until or now)) / 60
        return "stuck", f"stuck: its lock ran out {minutes:.0f} min ago"
    if instance.locked_until is not None:
        seconds = max(0, instance.locked_until - now)
        left = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"  # noqa: PLR2004
        return "locked", f"locked for {left}"
    return "waiting", "waits"


def _progress(instance: Instance, now: float) -> Html:
    count = len(instance.steps)
    step = instance.steps[min(instance.step, count - 1)]
    inside = 0.0 if instance.stuck else min(1.0, max(0.0, (now - instance.modified_at) / step.seconds))
    position = f"Step {min(instance.step + 1, count)} of {count}"
    return tag(
        "p",
        tag("span", position),
        tag(
            "progress",
            max=count,
            value=round(instance.step + inside, 2),
            aria_label=f"{position} of {instance.id}",
        ),
        class_="steps",
    )


def _ended(instance: Instance, reader: Reader) -> Html:
    how = _ENDED.get(instance.ended_by or "", "ended")
    at = reader.time_of(instance.ended_at or 0, with_seconds=True)
    return tag(
        "li",
        tag("code", instance.id, class_="id"),
        tag("span", f"{how} at {at}", class_=f"state {instance.ended_by}"),
        class_="instance",
        data_key=f"ended-{instance.id}",
    )
