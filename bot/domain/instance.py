"""A running workflow as Bitrix24 lists it, and what can be told from that."""

from dataclasses import dataclass
from typing import Any

from bot.domain.command import has_usual_shape

Changes = tuple[tuple[str, Any, Any], ...]
"""What became different of an instance: field, as it was, as it is."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One running workflow as the list shows it; times are Unix milliseconds.

    Only the identifier is certain: every other field may be missing from the answer.
    """

    id: str
    template_id: str | None = None
    document_id: str | None = None
    entity: str | None = None
    started_at: int | None = None
    started_by: str | None = None
    modified_at: int | None = None
    #: The lock of the step that is being executed; None while the instance waits.
    locked_until: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the list, last modified first.

    ``received`` counts the rows that came, also those without an identifier: the next page starts after them.
    """

    instances: tuple[Instance, ...]
    total: int | None = None
    received: int = 0


@dataclass(frozen=True, slots=True)
class Lookup:
    """What the list says about one instance.

    ``certain`` False: not seen, but not every row was read. ``others`` are the rows beside it that were read.
    """

    instance: Instance | None
    certain: bool
    others: tuple[Instance, ...] = ()
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What the list says about an instance, and where its portal is, if the channel's settings say."""

    workflow_id: str
    lookup: Lookup
    portal: str | None
    at: int


def seen_again(shown: Instance | None, found: Instance | None) -> Instance | None:
    """What is known of an instance after another look; what a person was shown is kept if this is another one."""
    if shown is not None and found is not None and differences(shown, found):
        return shown
    return found or shown


FINGERPRINT = ("template_id", "document_id", "started_at", "started_by")


def differences(seen: Instance, now: Instance) -> Changes:
    """Name what is not as it was shown, with both values; what the list left out either time proves nothing."""
    pairs = [(name, getattr(seen, name), getattr(now, name)) for name in FINGERPRINT]
    return tuple(
        (name, was, is_) for name, was, is_ in pairs if was is not None and is_ is not None and was != is_
    )


STUCK_AFTER_MS = 5 * 60 * 1000
"""A lock that ran out longer ago than this means that nobody is executing the step any more (Bitrix24's docs)."""


def is_stuck(instance: Instance, now: int) -> bool:
    return instance.locked_until is not None and now - instance.locked_until > STUCK_AFTER_MS


def stuck_siblings(of: Instance, others: tuple[Instance, ...], now: int) -> int:
    """Count the other stuck instances of the same template or on the same document."""
    return sum(
        is_stuck(other, now)
        and (
            (other.template_id is not None and other.template_id == of.template_id)
            or (other.document_id is not None and other.document_id == of.document_id)
        )
        for other in others
    )


def started_at(workflow_id: str) -> int | None:
    """Read the start, in ms, from a usual identifier: its first 8 hex digits are Unix seconds."""
    return int(workflow_id[:8], 16) * 1000 if has_usual_shape(workflow_id) else None
