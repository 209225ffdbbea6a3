"""What the audit says of everything that was tried."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.termination import Termination


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """A line of the audit, in the order of an export. The store adds the sequence number and the time.

    A new member needs a column in ``bot/store/schema.py``, and nothing else.
    """

    event: str
    reference: str | None = None
    team: str
    channel: str
    user: str
    workflow_id: str | None = None
    force: bool = False
    reason: str = ""
    outcome: str | None = None
    detail: Mapping[str, object] = field(default_factory=dict)


def event(termination: Termination, name: str, *, user: str | None = None, **detail: object) -> Event:
    """Describe what happens to a termination; ``user`` is who did it, if not the requester."""
    request = termination.request
    return Event(
        event=name,
        team=request.team,
        channel=request.channel,
        user=user or request.user,
        workflow_id=request.workflow_id,
        reference=termination.id,
        force=request.force,
        reason=request.reason,
        outcome=termination.result.label,
        detail=detail,
    )
