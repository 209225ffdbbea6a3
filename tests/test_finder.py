"""The finder reads a list that shifts under its eyes, for everybody at once, and misses nothing."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

import pytest

from bot.domain.api_key import ApiKey, KeyFacts, OpenedKey
from bot.domain.errors import NotExecuted, RateLimited
from bot.domain.instance import Instance, Page
from bot.instances.finder import MAX_SECONDS, OVERLAP, Finder, NotYet, Watch, _Reading

PAGE = 50
KEY = OpenedKey(ApiKey("vibe_api_test"), "key")


@dataclass
class Portal:
    """A portal's list, last modified first; ``then`` says what happens right after the page of that number."""

    rows: list[Instance] = field(default_factory=list)
    then: dict[int, Callable[[], None]] = field(default_factory=dict)
    asked: list[tuple[int, str | None, str | None]] = field(default_factory=list)
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)
    tells_total: bool = True
    _clock: int = 1_000_000

    def __post_init__(self) -> None:
        self.answers.set()

    @property
    def offsets(self) -> list[int]:
        return [offset for offset, *_ in self.asked]

    def touch(self, *ids: str) -> None:
        """Modify these in turn: each moves to the front."""
        for touched in ids:
            row = next(row for row in self.rows if row.id == touched)
            self._clock += 1
            self.rows.remove(row)
            self.rows.insert(0, replace(row, modified_at=self._clock))

    def end(self, *ids: str) -> None:
        self.rows = [row for row in self.rows if row.id not in ids]

    async def running(
        self, key: ApiKey, *, template_id: str | None = None, started_by: str | None = None, offset: int = 0
    ) -> Page:
        self.asked.append((offset, template_id, started_by))
        self.was_asked.set()
        number = len(self.asked)
        found = [row for row in self.rows if template_id in (None, row.template_id)]
        page = tuple(found[offset : offset + PAGE])
        total = len(found) if self.tells_total else None
        await self.answers.wait()
        self.then.get(number, lambda: None)()
        return Page(page, total=total, received=len(page))

    async def terminate(self, key: ApiKey, workflow_id: str, *, force: bool, reason: str) -> None:
        raise AssertionError("the finder only looks")

    async def describe_key(self, key: ApiKey) -> KeyFacts:
        raise AssertionError("the finder only looks")


def names(*numbers: int) -> list[str]:
    return [f"r{number}" for number in numbers]


@pytest.fixture(name="portal")
def _portal() -> Portal:
    """A portal with three pages of instances."""
    return Portal([Instance(name, modified_at=1000 - n) for n, name in enumerate(names(*range(150)))])


@dataclass
class Turns:
    """Whoever asks waits this long; nobody by default."""

    wait_ms: Callable[[str], int] = lambda _: 0
    places: list[tuple[str, float]] = field(default_factory=list)
    blocked: list[tuple[str, int]] = field(default_factory=list)

    async def pace(self, key_id: str, per_second: float) -> int:
        self.places.append((key_id, per_second))
        return self.wait_ms(key_id)

    async def block(self, key_id: str, for_ms: int) -> None:
        self.blocked.append((key_id, for_ms))


@pytest.fixture(name="finder")
def _finder(portal: Portal) -> Finder:
    return Finder(portal, Turns(), 1000)


async def test_what_moved_to_the_front_behind_others_is_found(portal: Portal, finder: Finder):
    """It jumped over the reading, and a page of rows that were read already jumped before it."""
    portal.then[2] = lambda: portal.touch("r140", *names(*range(10, 60)))

    lookup = await finder.find(KEY, "r140")

    assert lookup.instance is not None
    assert portal.rows[PAGE].id == "r140"


async def test_a_whole_reading_without_it_is_certain(portal: Portal, finder: Finder):
    """Page by page with rows in common, and once more to the front, where what was changed would be."""
    lookup = await finder.find(KEY, "absent")

    assert (None, True) == (lookup.instance, lookup.certain)
    assert (150, 150) == (len(lookup.others), lookup.total)
    step = PAGE - OVERLAP
    assert [0, step, 2 * step, 3 * step, 0] == portal.offsets


async def test_one_page_takes_one_request(portal: Portal, finder: Finder):
    """Nothing can hide from a list that was read at once."""
    portal.end(*names(*range(20, 150)))

    lookup = await finder.find(KEY, "absent")

    assert lookup.certain
    assert [0] == portal.offsets


async def test_the_reading_ends_where_it_is_found(portal: Portal, finder: Finder):
    """A person who waits does not wait for the rest of the list."""
    lookup = await finder.find(KEY, "r60")

    assert lookup.instance == portal.rows[60]
    assert 2 == len(portal.asked)


@pytest.mark.parametrize("ended", [OVERLAP - 1, 30, PAGE])
async def test_rows_that_vanish_in_front_hide_nothing(portal: Portal, finder: Finder, ended: int):
    """What was behind the pages that were read moves into them; where they do not meet any more, it goes back."""
    portal.then[2] = lambda: portal.end(*names(*range(ended)))

    lookup = await finder.find(KEY, "absent")

    assert set(names(*range(150))) == {row.id for row in lookup.others}
    assert lookup.certain


async def test_without_a_total_it_reads_until_nothing_is_new(portal: Portal, finder: Finder):
    """Where Vibecode does not say how many there are, the end is where the rows repeat or stop."""
    portal.tells_total = False

    lookup = await finder.find(KEY, "absent")

    assert lookup.certain
    assert 150 == len(lookup.others)


async def test_too_few_pages_prove_nothing(portal: Portal, finder: Finder):
    """Not seen in what was read is not the same as gone."""
    lookup = await finder.find(KEY, "r140", pages=2)

    assert (None, False) == (lookup.instance, lookup.certain)


async def test_what_was_seen_before_narrows_the_list(portal: Portal, finder: Finder):
    """Its template and its starter are asked for, so that a long list becomes a short one."""
    wanted = Instance("r149", template_id="77", started_by="5")
    portal.rows[149] = wanted

    lookup = await finder.find(KEY, "r149", like=wanted)

    assert lookup.instance == wanted
    assert [(0, "77", "5")] == portal.asked


async def test_all_who_ask_at_once_share_one_reading(portal: Portal, finder: Finder):
    """Twenty people in one incident read the list once."""
    sightings = await asyncio.gather(*(finder.find(KEY, name) for name in names(*range(20))))

    assert names(*range(20)) == [lookup.instance.id for lookup in sightings if lookup.instance]
    assert [0] == portal.offsets


async def test_who_asks_during_a_reading_gets_a_newer_one(portal: Portal, finder: Finder):
    """What is being read was asked for before; its rows may be older than the question."""
    portal.answers.clear()
    first = asyncio.create_task(finder.find(KEY, "r1"))
    async with asyncio.timeout(2):
        await portal.was_asked.wait()
    portal.end("r1", "r2")
    second = asyncio.create_task(finder.find(KEY, "r2"))
    portal.answers.set()

    assert (await first).instance is not None
    assert (await second).instance is None
    assert [0, 0] == portal.offsets[:2]


async def test_watches_share_the_pages_that_each_of_them_reads(portal: Portal, finder: Finder):
    """One page answers for all who are in it; nobody reads it again."""
    watches = [Watch() for _ in range(20)]

    sightings = [
        await finder.poll(KEY, name, watch, like=None)
        for name, watch in zip(names(*range(20)), watches, strict=True)
    ]

    assert all(lookup.instance for lookup in sightings)
    assert [0] == portal.offsets


async def test_a_patrol_goes_on_where_the_one_before_stopped(portal: Portal, finder: Finder):
    """Together they come to the end of the list, and only then is one of them told that it is gone."""
    watch = Watch()

    sightings = [await finder.poll(KEY, "absent", watch, like=None) for _ in range(5)]

    assert [False, False, False, False, True] == [lookup.certain for lookup in sightings]
    step = PAGE - OVERLAP
    assert [0, step, 2 * step, 3 * step, 0] == portal.offsets


async def test_a_watch_that_begins_later_needs_a_reading_that_does(portal: Portal, finder: Finder):
    """What was read before it began does not count: it would tell of a time that nobody asked about."""
    portal.end(*names(*range(20, 150)))
    gone = await finder.poll(KEY, "r30", Watch(), like=None)
    portal.rows.append(Instance("r30"))

    back = await finder.poll(KEY, "r30", Watch(), like=None)

    assert (None, True) == (gone.instance, gone.certain)
    assert back.instance is not None


async def test_a_watch_waits_for_its_key_s_turn(portal: Portal):
    """The watches of a key have a pace of their own, beside the one of all its calls."""
    turns = Turns(lambda key_id: 700 if key_id == "key watches" else 0)

    with pytest.raises(NotYet) as turn:
        await Finder(portal, turns, 5).poll(KEY, "r1", Watch(), like=None)

    assert 700 == turn.value.wait_ms
    assert [("key watches", 0.9)] == turns.places
    assert [] == portal.asked


async def test_a_person_waits_for_a_short_turn_only(portal: Portal):
    """Where the key is blocked for longer than a reading may take, it is said so instead."""
    with pytest.raises(NotExecuted) as blocked:
        async with asyncio.timeout(1):
            await Finder(portal, Turns(lambda _: int(MAX_SECONDS * 1000) + 1000), 5).find(KEY, "r1")

    assert ("RATE_LIMITED", MAX_SECONDS + 1) == (blocked.value.code, blocked.value.retry_after)
    assert [] == portal.asked


async def test_two_keys_and_two_people_read_their_own_lists(portal: Portal, finder: Finder):
    """What one may see says nothing of what the other may."""
    other = OpenedKey(ApiKey("vibe_api_other"), "other")
    person = OpenedKey(ApiKey("vibe_app_one", session="hers"), "app")
    colleague = OpenedKey(ApiKey("vibe_app_one", session="his"), "app")

    await asyncio.gather(*(finder.find(key, "r1") for key in (KEY, other, person, colleague)))

    assert 4 == len(portal.asked)


async def test_a_list_that_shrinks_to_less_than_was_read_is_read_to_its_end(portal: Portal, finder: Finder):
    """The next page is empty: the watches go back instead of asking for it for ever."""
    portal.then[2] = lambda: portal.end(*names(*range(120)))
    watch = Watch()

    sightings = [await finder.poll(KEY, "absent", watch, like=None) for _ in range(8)]

    assert any(lookup.certain for lookup in sightings)


@pytest.mark.parametrize("changes", [False, True], ids=["rows vanish", "rows vanish and move to the front"])
def test_a_whole_reading_misses_no_running_row(changes: bool):
    """Whatever happens between two pages: what is called whole has every row that is still in the list."""
    for seed in range(1000):
        dice = Random(seed)
        rows = [Instance(f"r{number}", modified_at=-number) for number in range(dice.randint(1, 220))]
        reading = _Reading()
        for moment in range(1, 21):
            page = rows[reading.offset : reading.offset + 50]
            reading.take(Page(tuple(page), total=len(rows), received=len(page)))
            if reading.complete:
                assert {row.id for row in rows} <= reading.seen.keys(), f"seed {seed}"
                break
            if dice.random() < 0.4:
                rows = rows[dice.choice([3, 10, 48, 60, 90]) :]
            for _ in range(dice.choice([0, 1, 5, 60]) if changes and rows else 0):
                row = rows.pop(dice.randrange(len(rows)))
                rows.insert(0, replace(row, modified_at=moment * 1000 + dice.randrange(1000)))
            rows.sort(key=lambda row: row.modified_at or 0, reverse=True)


async def test_what_vibecode_asks_for_holds_for_every_call_of_the_key(portal: Portal):
    """The list is asked for as the stop is: a pause that one of them was told is the others' as well."""
    turns = Turns()

    def refuse() -> None:
        raise RateLimited("RATE_LIMITED", 429, retry_after=60)

    portal.then[1] = refuse
    with pytest.raises(RateLimited):
        await Finder(portal, turns, 1000).find(KEY, "r1")

    assert [("key", 60_000)] == turns.blocked


async def test_who_has_waited_for_too_long_leaves_nothing_behind(portal: Portal, finder: Finder):
    """The reading goes on for others, and ends without anybody who asks how."""
    portal.answers.clear()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await finder.find(KEY, "r1")
    portal.answers.set()

    lookup = await finder.find(KEY, "r2")

    assert lookup.certain
    assert {} == finder._askers
