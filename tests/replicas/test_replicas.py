"""Replicas on one database: whatever befalls one of them, each command ends once and is told once."""

import itertools

import pytest
from replicas.stories import OUTCOMES, QUESTION_SECONDS, TAKEN_OVER_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="session")

both_ways = pytest.mark.parametrize("mode", ["http", "socket"])


@both_ways
async def test_what_a_killed_or_frozen_replica_had_is_taken_over(stories, mode):
    """Within the lease and one look, and it is said that somebody else began it."""
    seen = await stories[f"sudden end {mode}"]

    assert len(seen.recovered) >= 2
    assert max(seen.taken_over_after) <= TAKEN_OVER_SECONDS
    for instance in seen.recovered:
        assert "restart" in seen.told[instance][0], seen.told[instance]


@both_ways
async def test_a_frozen_replica_stays_silent_when_it_wakes(stories, mode):
    """Nothing that was told is told again or changed, and nothing is called once more."""
    seen = await stories[f"sudden end {mode}"]

    assert seen.told_before_thaw == seen.told
    assert all(len(texts) == 1 and texts[0].startswith(OUTCOMES) for texts in seen.told.values())
    assert {1} == set(seen.deletes.values())
    assert len(seen.instances) + 1 == seen.posts


async def test_a_balancer_finds_the_replica_that_is_left(stories):
    """Commands and clicks are acknowledged in Slack's three seconds though two of three replicas do not answer."""
    seen = await stories["sudden end http"]

    assert 3 == len(seen.acked_meanwhile_ms)
    assert max(seen.acked_meanwhile_ms) < 3000


@both_ways
async def test_a_replica_that_is_told_to_stop_hands_over_at_once(stories, mode):
    """It ends its calls, gives the rest back, and nothing waits for a lease."""
    seen = await stories[f"told to stop {mode}"]

    assert 0 == seen.code
    assert seen.stopped_after < 10
    assert seen.told_after < 12
    assert 0 == seen.recovered
    assert {1} == set(seen.deletes)
    assert max(seen.acked_meanwhile_ms) < 3000


async def test_what_a_killed_replica_watched_is_watched_on(stories):
    """So is its question, which expires; at the latest when a lease has ended that was taken for one look."""
    seen = await stories["watching on"]

    assert seen.told_after <= TAKEN_OVER_SECONDS
    assert seen.expired_after <= QUESTION_SECONDS + TAKEN_OVER_SECONDS
    assert {1} == set(seen.deletes)
    assert 0 == seen.calls_for_question
    assert {1} == set(seen.messages)


async def test_a_balancer_lets_a_replica_say_that_nothing_is_certain(stories):
    """The database is stuck: the person reads it in time, and what is recorded late is done once."""
    seen = await stories["database stuck"]

    assert "could not confirm that your request was recorded" in seen.said
    assert seen.answered_ms < 3000
    assert 1 == seen.deletes
    assert 1 == len(seen.told)


async def test_replicas_share_a_key_s_pace(stories):
    """Together they call no faster than one of them might: a second's worth at once, then one at a time."""
    seen = await stories["taking turns"]

    for (first, at), (last, until) in itertools.combinations(enumerate(seen.calls_at), 2):
        allowed = seen.per_second * (until - at + 1) + 1
        assert last - first + 1 <= allowed, (first, last, seen.calls_at)


async def test_replicas_share_what_vibecode_asks_for(stories):
    """A Retry-After that one of them was given holds the others back as well."""
    seen = await stories["taking turns"]

    assert seen.silence >= seen.asked_for - 0.05


async def test_a_key_that_is_set_is_known_to_all_at_once(stories):
    """So is one that was taken away: nothing is kept in a replica's memory."""
    seen = await stories["taking turns"]

    assert [True] * 4 == seen.before
    assert [True] * 4 == seen.after
