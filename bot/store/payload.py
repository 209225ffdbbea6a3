"""Writes a termination as the text that the ``payload`` of its row is, and reads it back.

The text is one flat object, as version 0.1 wrote it, so that both versions can work on one database.
"""

import json
from operator import attrgetter
from typing import Any

from bot.domain.instance import Instance
from bot.domain.termination import (
    Approval,
    Calls,
    MessageRef,
    Outcome,
    Posting,
    Question,
    Request,
    Result,
    Termination,
)

_STORED_AS = {
    "question.number": "question",
    "question.authorized": "cleared",
    "question.authorize_tries": "clearing_tries",
}
"""Where the stored name is not the field's."""

_PARTS: dict[str, Any] = {
    "request": Request,
    "question": Question,
    "calls": Calls,
    "posting": Posting,
    "result": Result,
}
_FIELDS: dict[str, dict[str, str]] = {
    part: {name: _STORED_AS.get(f"{part}.{name}", name) for name in of.__dataclass_fields__}
    for part, of in _PARTS.items()
}
"""For each part: its fields, and the names that they are stored under."""

_NAMES = ("id", *(stored for fields in _FIELDS.values() for stored in fields.values()))
_VALUES = attrgetter("id", *(f"{part}.{name}" for part, fields in _FIELDS.items() for name in fields))


def encode(termination: Termination) -> str:
    return _ENCODER.encode(dict(zip(_NAMES, _VALUES(termination), strict=True)))


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
    parts: dict[str, Any] = {
        part: _PARTS[part](**{name: values[stored] for name, stored in fields.items() if stored in values})
        for part, fields in _FIELDS.items()
    }
    return Termination(id=values["id"], **parts)


def _fields(part: Any) -> dict[str, Any]:
    # Not ``dataclasses.asdict``, which copies every value before it is written: four times as long.
    return {name: getattr(part, name) for name in part.__dataclass_fields__}


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_fields)
