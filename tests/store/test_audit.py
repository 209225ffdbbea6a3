"""The audit keeps every line in order; the channels keep their keys."""

from datetime import UTC, datetime

from store.examples import a_key, a_line, audit, between, names, running, to

from bot.domain.termination import Phase


async def test_a_line_comes_back_as_it_was_recorded(store):
    """With its number, and its time in UTC to the millisecond."""
    line = a_line(
        "refused",
        workflow_id="w1",
        reference="HB-1",
        force=True,
        reason="„warum“",
        outcome="failed:SCOPE_DENIED",
        detail={"status": 403, "why": ["é", None]},
    )
    before = await store.now()

    await store.record(line)

    (read,) = await audit(store)
    at = datetime.fromisoformat(read["at"])
    assert {
        "seq": 1,
        "at": read["at"],
        "event": "refused",
        "team": "T1",
        "channel": "C1",
        "user": "U1",
        "workflow_id": "w1",
        "force": True,
        "reason": "„warum“",
        "outcome": "failed:SCOPE_DENIED",
        "reference": "HB-1",
        "detail": {"status": 403, "why": ["é", None]},
    } == read
    assert UTC == at.tzinfo
    assert between(before, round(at.timestamp() * 1000), await store.now())
    assert len("2026-01-01T00:00:00.000Z") == len(read["at"])


async def test_a_line_without_a_termination_is_kept_too(store):
    """A refused command has no reference."""
    await store.record(a_line())

    (read,) = await audit(store)

    assert (None, None, False, "", None, {}) == tuple(
        read[name] for name in ("workflow_id", "reference", "force", "reason", "outcome", "detail")
    )


async def test_lines_are_read_in_order_and_without_gaps_whatever_their_number(store):
    """More lines than are read at a time."""
    for number in range(1203):
        await store.record(a_line(str(number), reference="even" if number % 2 == 0 else "odd"))

    assert [str(number) for number in range(1203)] == await names(store)
    assert [str(number) for number in range(0, 1203, 2)] == await names(store, reference="even")


async def test_one_terminations_lines_are_told_apart(store):
    """Nothing of another termination is among them."""
    one, two = await running(store), await running(store)
    await store.advance(two, to(two, Phase.CALLING, "calling"))

    assert ["requested"] == await names(store, reference=one.termination.id)
    assert ["requested", "calling"] == await names(store, reference=two.termination.id)
    assert [] == await names(store, reference="HB-unknown")


async def test_events_of_one_transition_keep_their_order(store):
    """They are written as they were given."""
    job = await running(store)

    await store.advance(job, to(job, Phase.TELLING, "c", "a", "b"))

    assert ["requested", "c", "a", "b"] == await names(store)


async def test_a_channels_key_is_kept_with_the_event_that_set_it(store):
    """And replaced by the next one."""
    await store.put_channel_key(a_key(), a_line("key_set"))
    newer = a_key(sealed_key="newer", sealed_session="session", key_id="key-2", set_by="U2")

    await store.put_channel_key(newer, a_line("key_replaced"))

    assert newer == await store.channel_key("T1", "C1")
    assert ["key_set", "key_replaced"] == await names(store)


async def test_a_key_belongs_to_one_channel_of_one_team(store):
    """Another channel has none, also one of the same name in another team."""
    await store.put_channel_key(a_key(), a_line("key_set"))

    assert await store.channel_key("T1", "C2") is None
    assert await store.channel_key("T2", "C1") is None


async def test_all_keys_are_listed_by_team_and_channel(store):
    """For the command line."""
    keys = [a_key(team=team, channel=channel) for team in ("T1", "T2") for channel in ("C1", "C2")]
    for key in reversed(keys):
        await store.put_channel_key(key, a_line("key_set"))

    assert keys == await store.channel_keys()


async def test_a_removed_key_is_gone(store):
    """The event is recorded once, with the removal that did something."""
    await store.put_channel_key(a_key(), a_line("key_set"))

    assert await store.remove_channel_key("T1", "C1", a_line("key_removed"))
    assert not await store.remove_channel_key("T1", "C1", a_line("key_removed"))

    assert await store.channel_key("T1", "C1") is None
    assert [] == await store.channel_keys()
    assert ["key_set", "key_removed"] == await names(store)


async def test_a_removed_key_can_be_set_again(store):
    """The channel is not marked by its former key."""
    await store.put_channel_key(a_key(), a_line("key_set"))
    await store.remove_channel_key("T1", "C1", a_line("key_removed"))

    await store.put_channel_key(a_key(), a_line("key_set"))

    assert a_key() == await store.channel_key("T1", "C1")
