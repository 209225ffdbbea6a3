"""Writes a termination as the text that the ``payload`` of its row is, and reads it back."""

import json
from typing import Any

from bot.domain.instance import Instance
from bot.domain.termination import Approval, MessageRef, Outcome, Termination


def encode(termination: Termination) -> str:
    return _ENCODER.encode(termination)


def decode(payload: str) -> Termination:
    """Read it back, also what an older or a newer version wrote: both may work on one database for a while."""
    values: dict[str, Any] = json.loads(payload)
    if values["message"]:
        values["message"] = MessageRef(**values["message"])
    if values["seen"]:
        values["seen"] = Instance(**values["seen"])
    values["changes"] = tuple(tuple(change) for change in values["changes"])
    values["approvers"] = tuple(values.get("approvers", ()))
    sent_before = ["force" if values["force"] else "soft"] * values.get("tries", 0)
    values["sent"] = tuple(values.get("sent", sent_before))
    if values.get("approval"):
        values["approval"] = Approval(values["approval"])
    if values["outcome"]:
        values["outcome"] = Outcome(values["outcome"])
    known = Termination.__dataclass_fields__
    return Termination(**{name: value for name, value in values.items() if name in known})


def _fields(part: Any) -> dict[str, Any]:
    # Not ``dataclasses.asdict``, which copies every value before it is written: four times as long.
    return {name: getattr(part, name) for name in part.__dataclass_fields__}


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_fields)
