"""Reads the list of running instances for everybody who waits to know about one of them.

Two ways: ``find`` reads now, for a person who waits; ``poll`` reads one page at a time, for watches that
share each page and together make less than one request a second for each key.
"""

import asyncio
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from bot.domain.api_key import ApiKey, OpenedKey
from bot.domain.errors import NotExecuted, RateLimited
from bot.domain.instance import Instance, Lookup, Page
from bot.ports.workflows import Workflows

MAX_PAGES = 20
MAX_SECONDS = 5.0
CHECK_PAGES = 4
"""How many pages are read for one call; a longer list is left to the watch."""
CHECK_SECONDS = 10.0
"""How long a person waits for a look at the list before it counts as unreadable."""
POLLS_PER_SECOND = 0.9
FORGET_AFTER_SECONDS = 600.0
OVERLAP = 5
"""Rows that two neighbouring pages share. The list is sorted by last change and shifts while it is read: when
the shared rows do not meet, something was skipped."""


@dataclass(slots=True)
class Watch:
    """When a watch began, and when it last learnt something; monotonic seconds of this process."""

    began: float = field(default_factory=time.monotonic)
    looked: float = field(default_factory=time.monotonic)

    def learn(self) -> None:
        """Mark everything known as used."""
        self.looked = time.monotonic()


class NotYet(Exception):
    """It is another watch's turn to read; ``wait_ms`` until the next one."""

    def __init__(self, wait_ms: int) -> None:
        super().__init__(wait_ms)
        self.wait_ms = wait_ms


@dataclass(frozen=True, slots=True)
class _List:
    """Which list: of which key, narrowed to what."""

    key_id: str
    template_id: str | None = None
    started_by: str | None = None
    session: str | None = field(default=None, repr=False)
    """Whose eyes it is read with, where a key acts as the person who signed in."""


@dataclass(slots=True)
class _Reading:
    """A reading of one list from its front to its end, page by page."""

    began: float = field(default_factory=time.monotonic)
    seen: dict[str, Instance] = field(default_factory=dict)
    offset: int = 0
    total: int | None = None
    complete: bool = False
    _connected: set[str] = field(default_factory=set)
    """Rows of this pass from its front on, without a gap between them."""
    _before: dict[str, Instance] | None = None
    """What was read before it went to the front again: behind a row that is still the same, nothing is new."""
    _longest: int = 0
    """Of the pages that came: how far to go back, for the page that shows a gap may be short or empty."""

    def take(self, page: Page) -> None:
        """Add a page and decide where the next one begins."""
        connected = self.offset == 0 or any(row.id in self._connected for row in page.instances)
        fresh = sum(row.id not in self.seen for row in page.instances)
        self.seen.update((row.id, row) for row in page.instances)
        self.total = page.total
        self._longest = max(self._longest, page.received)
        if not connected:
            # Rows vanished in front of us, and so many that the pages do not meet any more: go back.
            self.offset = max(0, self.offset - self._longest)
        elif self._meets_the_known(page):
            # What was changed during the reading had moved to the front behind our back; now it is read too,
            # unless this took so long that more of it may have moved there meanwhile.
            self.complete = self.offset == 0
            self._go_to_the_front()
        else:
            self._connected.update(row.id for row in page.instances)
            self._go_on(page, fresh)

    def _meets_the_known(self, page: Page) -> bool:
        before = self._before
        return before is not None and any(before.get(row.id) == row for row in page.instances)

    def _go_on(self, page: Page, fresh: int) -> None:
        if not _is_last(page, self.offset, fresh):
            self.offset = max(0, self.offset + page.received - OVERLAP)
        elif self.offset == 0:
            self.complete = True
        else:
            self._go_to_the_front()

    def _go_to_the_front(self) -> None:
        self._before, self._connected, self.offset = dict(self.seen), set(), 0


@dataclass(slots=True)
class _Askers:
    """Everybody who waits for the same list, to be read now."""

    reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    next: asyncio.Task[_Reading] | None = None
    wanted: set[str] = field(default_factory=set)
    pages: int = 0


@dataclass(slots=True)
class _Round:
    """The watches' shared reading of one list, which goes on from watch to watch."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    reading: _Reading = field(default_factory=_Reading)
    finished: _Reading | None = None
    seen_at: dict[str, float] = field(default_factory=dict)
    used: float = field(default_factory=time.monotonic)


class Turns(Protocol):
    """Who may call when; the store keeps it for all processes."""

    async def pace(self, key_id: str, per_second: float) -> int:
        """Take a place for one request at so many a second; returns 0, or the ms to wait."""
        ...

    async def block(self, key_id: str, for_ms: int) -> None:
        """Keep a key from being used for so long."""
        ...


class Finder:
    """Reads with whoever's turn it is, and no faster than ``calls_per_second`` with each key."""

    def __init__(self, workflows: Workflows, turns: Turns, calls_per_second: float) -> None:
        self._workflows = workflows
        self._turns = turns
        self._calls_per_second = calls_per_second
        self._askers: dict[_List, _Askers] = {}
        self._rounds: dict[_List, _Round] = {}

    async def find(
        self, key: OpenedKey, workflow_id: str, *, like: Instance | None = None, pages: int = MAX_PAGES
    ) -> Lookup:
        """Look for an instance in a list that is read after this call. Raises VibecodeError.

        ``like`` is the instance as it was seen before: it narrows the list to its template and starter.
        One reading at a time per list answers all who asked before it began.
        """
        which = _list(key, like)
        askers = self._askers.setdefault(which, _Askers())
        askers.wanted.add(workflow_id)
        askers.pages = max(askers.pages, pages)
        if askers.next is None:
            askers.next = asyncio.create_task(self._read_next(askers, key.key, which))
            askers.next.add_done_callback(partial(self._read, which, askers))
        return _lookup(await asyncio.shield(askers.next), workflow_id)

    def _read(self, which: _List, askers: _Askers, reading: asyncio.Task[_Reading]) -> None:
        if not reading.cancelled():
            # Those who have waited for too long do not ask how it ended.
            reading.exception()
        if askers.next is None and not askers.reading.locked():
            self._askers.pop(which, None)

    async def check(
        self, key: OpenedKey, workflow_id: str, *, like: Instance | None, for_changes: bool
    ) -> Lookup:
        """Look before or after a call: in the list of those ``like`` it, which hides what has changed of it.

        With ``for_changes`` in all of the list, unless that is too long. Raises VibecodeError, also where it takes
        longer than a person waits.
        """
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                if for_changes:
                    lookup = await self.find(key, workflow_id, pages=1)
                    if lookup.certain:
                        return lookup
                return await self.find(key, workflow_id, like=like, pages=CHECK_PAGES)
        except TimeoutError as late:
            raise NotExecuted("TIMEOUT") from late

    async def poll(self, key: OpenedKey, workflow_id: str, watch: Watch, *, like: Instance | None) -> Lookup:
        """Look on for a watch; pages that others have read since count.

        Raises VibecodeError, and NotYet when the watches of this key have used up their request.
        """
        which = _list(key, like)
        self._forget_old_rounds()
        shared = self._rounds.setdefault(which, _Round())
        async with shared.lock:
            shared.used = time.monotonic()
            known = _verdict(shared, workflow_id, watch)
            if known is not None:
                return known
            await self._take_a_turn(which.key_id)
            if not shared.reading.seen:
                shared.reading = _Reading()
            page = await self._page(key.key, which, shared.reading.offset)
            shared.reading.take(page)
            shared.seen_at |= dict.fromkeys((row.id for row in page.instances), time.monotonic())
            if shared.reading.complete:
                shared.finished, shared.reading = shared.reading, _Reading()
                shared.seen_at = {
                    row: at for row, at in shared.seen_at.items() if row in shared.finished.seen
                }
            return _verdict(shared, workflow_id, watch) or Lookup(None, certain=False)

    async def _read_next(self, askers: _Askers, key: ApiKey, which: _List) -> _Reading:
        async with askers.reading:
            # Whoever asks from now on wants a list that is newer than this one.
            wanted, pages = askers.wanted, askers.pages
            askers.next, askers.wanted, askers.pages = None, set(), 0
            reading = _Reading()
            for _ in range(pages):
                await self._wait_for_turn(which.key_id)
                reading.take(await self._page(key, which, reading.offset))
                late = time.monotonic() - reading.began > MAX_SECONDS
                if reading.complete or late or wanted <= reading.seen.keys():
                    break
            return reading

    def _forget_old_rounds(self) -> None:
        too_old = time.monotonic() - FORGET_AFTER_SECONDS
        self._rounds = {which: shared for which, shared in self._rounds.items() if shared.used > too_old}

    async def _take_a_turn(self, key_id: str) -> None:
        """Let a watch read one page. Raises NotYet; a person's own call always finds room beside the watches."""
        wait_ms = await self._turns.pace(f"{key_id} watches", POLLS_PER_SECOND)
        wait_ms = wait_ms or await self._turns.pace(key_id, self._calls_per_second)
        if wait_ms:
            raise NotYet(wait_ms)

    async def _page(self, key: ApiKey, which: _List, offset: int) -> Page:
        try:
            return await self._workflows.running(
                key, template_id=which.template_id, started_by=which.started_by, offset=offset
            )
        except RateLimited as limited:
            if limited.retry_after:
                await self._turns.block(which.key_id, int(limited.retry_after * 1000))
            raise

    async def _wait_for_turn(self, key_id: str) -> None:
        began = time.monotonic()
        while wait_ms := await self._turns.pace(key_id, self._calls_per_second):
            if time.monotonic() - began + wait_ms / 1000 > MAX_SECONDS:
                # A wait that outlasts the lease would look like a crash to whoever takes over.
                raise NotExecuted("RATE_LIMITED", retry_after=wait_ms / 1000)
            await asyncio.sleep(wait_ms / 1000)


def _list(key: OpenedKey, like: Instance | None) -> _List:
    template_id, started_by = (like.template_id, like.started_by) if like else (None, None)
    return _List(key.key_id, template_id, started_by, key.key.session)


def _lookup(reading: _Reading, workflow_id: str) -> Lookup:
    found = reading.seen.get(workflow_id)
    others = tuple(row for row in reading.seen.values() if row.id != workflow_id)
    return Lookup(found, certain=found is not None or reading.complete, others=others, total=reading.total)


def _verdict(shared: _Round, workflow_id: str, watch: Watch) -> Lookup | None:
    """Tell what is known already: seen lately, or missing from a whole reading that began late enough."""
    if shared.seen_at.get(workflow_id, watch.looked) > watch.looked:
        readings = (shared.reading, shared.finished)
        row = next((found for each in readings if each and (found := each.seen.get(workflow_id))), None)
        return Lookup(row, certain=True)
    finished = shared.finished
    if finished is not None and finished.began >= watch.began and workflow_id not in finished.seen:
        return Lookup(None, certain=True)
    return None


def _is_last(page: Page, offset: int, fresh: int) -> bool:
    if page.received == 0:
        return True
    return offset + page.received >= page.total if page.total is not None else fresh == 0
