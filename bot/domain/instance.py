"""What Haltbot knows of Vibecode's things: keys, running instances and pages of them."""

from dataclasses import dataclass


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
