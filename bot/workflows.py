"""What Haltbot knows of Vibecode's things: keys, running instances and pages of them."""

from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A channel's key; an application key comes with the session of the user who authorised it."""

    value: str = field(repr=False)
    session: str | None = field(default=None, repr=False)


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
class Sighting:
    """What the list says about one instance.

    ``certain`` False: not seen, but not every row was read. ``others`` are the rows beside it that were read.
    """

    instance: Instance | None
    certain: bool
    others: tuple[Instance, ...] = ()
    total: int | None = None


class KeyFault(StrEnum):
    """Why a key cannot stop workflows."""

    MANAGEMENT = "management"
    READ_ONLY = "read_only"
    NO_SCOPE = "no_scope"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What Vibecode says about a key; a listed scope does not prove that it works."""

    kind: str | None = None
    owner: str | None = None
    portal: str | None = None
    scopes: tuple[str, ...] | None = None
    access_mode: str | None = None
    #: Unix milliseconds; None when the key does not expire or Vibecode does not say.
    expires_at: int | None = None

    def faults(self, now: int) -> tuple[KeyFault, ...]:
        """Say what makes the key useless here; what Vibecode left out proves nothing."""
        found = {
            KeyFault.MANAGEMENT: self.kind is not None and "management" in self.kind,
            KeyFault.READ_ONLY: self.access_mode is not None and self.access_mode.upper() != "READWRITE",
            KeyFault.NO_SCOPE: self.scopes is not None and "bizproc" not in self.scopes,
            KeyFault.EXPIRED: self.expires_at is not None and self.expires_at <= now,
        }
        return tuple(fault for fault, there in found.items() if there)
