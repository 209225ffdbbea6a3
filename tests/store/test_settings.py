"""Settings change only as they were read, and what the breaker counts is counted alike by every store."""

import asyncio

from store.examples import asked

from bot.domain.audit import Event, event


def changed(**detail) -> Event:
    return Event(event="settings_changed", team="T1", channel="C1", user="U1", detail=detail)


async def test_settings_are_replaced_as_they_were_read(store):
    """The first change of a channel, and one more; the key's row is not needed for it."""
    first = await store.replace_settings(
        "T1", "C1", {}, {"soft": ["U1"], "portal": "https://ö.example"}, changed()
    )
    read = await store.settings("T1", "C1")
    second = await store.replace_settings("T1", "C1", read, {"break_glass": True}, changed())

    assert (True, True) == (first, second)
    assert {"soft": ["U1"], "portal": "https://ö.example"} == read
    assert {"break_glass": True} == await store.settings("T1", "C1")


async def test_settings_that_others_changed_meanwhile_stay(store):
    """Nothing is written and nothing recorded."""
    await store.replace_settings("T1", "C1", {}, {"breaker_limit": 2}, changed())
    late = await store.replace_settings("T1", "C1", {}, {"breaker_limit": 9}, changed())

    assert not late
    assert {"breaker_limit": 2} == await store.settings("T1", "C1")
    assert 1 == len([line async for line in store.events()])


async def test_of_many_changes_at_once_one_wins(store):
    """Whoever read the same as the winner has to read again."""
    won = await asyncio.gather(
        *(store.replace_settings("T1", "C1", {}, {"breaker_limit": n}, changed()) for n in range(1, 21))
    )

    assert 1 == sum(won)


async def test_what_was_admitted_is_counted_by_channel_and_time(store):
    """Other events, other channels and what is older do not count."""
    termination = await asked(store)
    before = await store.now() - 60_000
    for name in ("admitted", "admitted", "refused"):
        await store.record(event(termination, name))
    team, channel = termination.request.team, termination.request.channel

    assert 2 == await store.admitted_since(team, channel, before)
    assert 0 == await store.admitted_since(team, channel, await store.now() + 60_000)
    assert 0 == await store.admitted_since(team, "C0OTHER", before)
