"""Reads the list of running instances for everybody who waits to know about one of them."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bot.ports import Workflows
from bot.workflows import ApiKey, Instance, Page

MAX_PAGES = 20
MAX_SECONDS = 5.0
OVERLAP = 5
"""Rows that two neighbouring pages share. The list is sorted by last change and shifts while it is read: when
the shared rows do not meet, something was skipped."""


@dataclass(frozen=True, slots=True)
class OpenedKey:
    """A channel's key, opened for use, with the name under which its calls are paced."""

    key: ApiKey
    key_id: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the list says about one instance. ``certain`` False: not seen, but not every row was read."""

    instance: Instance | None
    certain: bool


@dataclass(slots=True)
class _Sweep:
    """One reading of the list, narrowed or not, with all that was seen."""

    seen: dict[str, Instance] = field(default_factory=dict)
    complete: bool = False


@dataclass(slots=True)
class _Group:
    """Everybody who waits for the same list of the same key."""

    reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    next: asyncio.Task[_Sweep] | None = None
    wanted: set[str] = field(default_factory=set)


class Lookout:
    """One reading at a time per key and narrowing; it answers all who asked before it began.

    ``pace`` returns when a call with the key is allowed.
    """

    def __init__(self, workflows: Workflows, pace: Callable[[str], Awaitable[None]]) -> None:
        self._workflows = workflows
        self._pace = pace
        self._groups: dict[tuple[str, str | None, str | None], _Group] = {}

    async def find(self, key: OpenedKey, workflow_id: str, *, like: Instance | None = None) -> Sighting:
        """Look for an instance in a list that is read after this call. Raises VibecodeError.

        ``like`` is the instance as it was seen before: it narrows the list to its template and starter.
        """
        narrowing = (key.key_id, like.template_id if like else None, like.started_by if like else None)
        group = self._groups.setdefault(narrowing, _Group())
        group.wanted.add(workflow_id)
        if group.next is None:
            group.next = asyncio.create_task(self._read_next(group, key.key, narrowing))
        sweep = await asyncio.shield(group.next)
        found = sweep.seen.get(workflow_id)
        return Sighting(found, certain=found is not None or sweep.complete)

    async def _read_next(
        self, group: _Group, key: ApiKey, narrowing: tuple[str, str | None, str | None]
    ) -> _Sweep:
        async with group.reading:
            await self._pace(narrowing[0])
            # Whoever asks from now on wants a list that is newer than this one.
            group.next, wanted, group.wanted = None, group.wanted, set()
            return await self._read(key, narrowing, wanted)

    async def _read(
        self, key: ApiKey, narrowing: tuple[str, str | None, str | None], wanted: set[str]
    ) -> _Sweep:
        key_id, template_id, started_by = narrowing
        sweep = _Sweep()
        give_up_at = time.monotonic() + MAX_SECONDS
        offset = 0
        for page_number in range(MAX_PAGES):
            if page_number:
                await self._pace(key_id)
            page = await self._workflows.running(
                key, template_id=template_id, started_by=started_by, offset=offset
            )
            met = offset == 0 or any(row.id in sweep.seen for row in page.instances)
            fresh = sum(row.id not in sweep.seen for row in page.instances)
            sweep.seen.update((row.id, row) for row in page.instances)
            if wanted <= sweep.seen.keys():
                return sweep
            if _is_last(page, offset, fresh, met=met):
                sweep.complete = offset == 0 or await self._front_is_known(key, narrowing, sweep)
                return sweep
            if time.monotonic() > give_up_at:
                return sweep
            offset = max(0, offset + page.received - OVERLAP) if met else max(0, offset - page.received)
        return sweep

    async def _front_is_known(
        self, key: ApiKey, narrowing: tuple[str, str | None, str | None], sweep: _Sweep
    ) -> bool:
        # A row that was changed during the reading has moved to the front, behind our back.
        key_id, template_id, started_by = narrowing
        await self._pace(key_id)
        front = await self._workflows.running(key, template_id=template_id, started_by=started_by, offset=0)
        known_before = any(row.id in sweep.seen for row in front.instances) or not front.instances
        sweep.seen.update((row.id, row) for row in front.instances)
        return known_before


def _is_last(page: Page, offset: int, fresh: int, *, met: bool) -> bool:
    if page.received == 0:
        return True
    if page.total is not None:
        return met and offset + page.received >= page.total
    return fresh == 0
