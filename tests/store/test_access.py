"""Links, sessions, and channels that move or go away: the same in every store."""

import asyncio
from dataclasses import replace

from store.examples import SEEN_AT, a_key, a_line, asked, audit, names, passed, press, running, to

from bot.domain.channel_settings import Role
from bot.domain.connection import TRIES_PER_LINK, Link, LinkKind, PersonSession
from bot.domain.press import Choice
from bot.domain.termination import Outcome, Phase

MINUTE_MS = 60_000


def a_link(**changes) -> Link:
    return replace(Link(hash="h1", kind=LinkKind.KEY, team="T1", channel="C1", user="U1"), **changes)


def a_session(**changes) -> PersonSession:
    return replace(
        PersonSession(
            team="T1",
            channel="C1",
            user="U1",
            sealed_session="sealed",
            name="Rita",
            expires_at=9_000_000_000_000,
            connected_at=1_700_000_000_000,
        ),
        **changes,
    )


async def test_a_link_is_used_once(store_factory):
    """Of all who try, on whichever replica, one wins."""
    one, two = await store_factory("one"), await store_factory("two")
    await one.put_link(a_link(sealed="s", reference="r"), for_ms=MINUTE_MS)
    found = await two.link("h1")
    used = await asyncio.gather(*(store.use_link("h1") for store in (one, two) * 5))

    assert found is not None
    assert a_link(sealed="s", reference="r") == replace(found, expires_at=0)
    assert 0 < found.expires_at - await one.now() <= MINUTE_MS
    assert [True] == [won for won in used if won]
    assert await one.link("h1") is None
    assert not await one.try_link("h1")


async def test_a_link_ends_by_itself(store_factory):
    """With its time, or when the same person asks for another one."""
    store = await store_factory()
    await store.put_link(a_link(hash="short"), for_ms=5)
    short = await store.link("short")
    await store.put_link(a_link(hash="other", user="U2"), for_ms=MINUTE_MS)
    await store.put_link(a_link(hash="connect", kind=LinkKind.CONNECT), for_ms=MINUTE_MS)
    await passed(store, short.expires_at if short else 0)
    gone = (await store.link("short"), await store.use_link("short"), await store.try_link("short"))
    await store.put_link(a_link(hash="new"), for_ms=MINUTE_MS)
    await store.put_link(a_link(hash="newer"), for_ms=MINUTE_MS)

    assert (None, False, False) == gone
    assert [None, "newer", "other", "connect"] == [
        found.hash if (found := await store.link(name)) else None
        for name in ("new", "newer", "other", "connect")
    ]


async def test_the_tries_with_a_link_are_counted(store_factory):
    """Too many of them end in nothing, and the link itself stays for nobody."""
    store = await store_factory()
    await store.put_link(a_link(), for_ms=MINUTE_MS)
    tried = [await store.try_link("h1") for _ in range(TRIES_PER_LINK + 2)]

    assert [True] * TRIES_PER_LINK + [False] * 2 == tried


async def test_a_session_is_one_person_s_in_one_channel(store_factory):
    """A new one takes the place of the former; nobody else has it."""
    store = await store_factory()
    await store.put_session(a_session(), a_line("connected"))
    await store.put_session(a_session(sealed_session="again"), a_line("connected"))
    await store.put_session(a_session(user="U2"), a_line("connected"))

    assert a_session(sealed_session="again") == await store.session("T1", "C1", "U1")
    assert [None, None, None] == [
        await store.session(*place) for place in (("T2", "C1", "U1"), ("T1", "C2", "U1"), ("T1", "C1", "U3"))
    ]
    assert ["U1", "U2"] == [session.user for session in await store.sessions()]
    assert ["connected"] * 3 == await names(store)


async def test_the_end_of_a_session_is_announced_once(store_factory):
    """By whichever replica asks first; a new session is announced anew."""
    one, two = await store_factory("one"), await store_factory("two")
    now = await one.now()
    soon = a_session(expires_at=now + MINUTE_MS)
    await one.put_session(soon, a_line())
    await one.put_session(a_session(user="later", expires_at=now + 10 * MINUTE_MS), a_line())
    await one.put_session(a_session(user="over", expires_at=now - 1), a_line())
    told = await asyncio.gather(*(store.sessions_ending(2 * MINUTE_MS) for store in (one, two)))
    await one.put_session(soon, a_line())

    assert [soon] == [session for sessions in told for session in sessions]
    assert [soon] == await two.sessions_ending(2 * MINUTE_MS)


async def test_all_of_a_channel_goes_to_its_new_id(store_factory):
    """Key, settings, sessions and what is under way, sealed anew in the same transaction."""
    store = await store_factory()
    await store.put_channel_key(a_key(), a_line("key_set"))
    await store.replace_settings("T1", "C1", {}, {"portal": "https://x.example"}, a_line("settings"))
    await store.put_session(a_session(), a_line("connected"))
    held, question = await running(store), await asked(store)

    moved = await _move(store)
    again = await _move(store)

    assert (True, False) == (moved, again)
    assert (None, {}, None) == (
        await store.channel_key("T1", "C1"),
        await store.settings("T1", "C1"),
        await store.session("T1", "C1", "U1"),
    )
    assert a_key(channel="C9", sealed_key="key anew") == await store.channel_key("T1", "C9")
    assert {"portal": "https://x.example"} == await store.settings("T1", "C9")
    assert a_session(channel="C9", sealed_session="session anew") == await store.session("T1", "C9", "U1")
    assert 1 == (await names(store)).count("channel_moved")
    # Whoever held a termination is fenced out, and it is taken up where it is now.
    assert await store.advance(held, to(held, Phase.TELLING)) is None
    claimed = {job.termination.id: job for job in await store.claim(10)}
    assert {held.termination.id, question.id} == claimed.keys()
    assert {"C9"} == {job.termination.request.channel for job in claimed.values()}
    pressed = await store.decide(
        press(question, Choice.FORCE, channel="C9", may=frozenset(Role)),
        seen_at=replace(SEEN_AT, channel="C9"),
        run_here=True,
    )
    assert Phase.REQUESTED is pressed.phase


async def test_what_the_new_id_has_already_stays(store_factory):
    """Nobody's key is overwritten by an event."""
    store = await store_factory()
    await store.put_channel_key(a_key(), a_line("key_set"))
    await store.put_channel_key(a_key(channel="C9", key_id="own"), a_line("key_set"))
    await _move(store)

    assert a_key(channel="C9", key_id="own") == await store.channel_key("T1", "C9")
    assert await store.channel_key("T1", "C1") is None


async def test_the_secrets_of_a_workspace_are_forgotten(store_factory):
    """And of all the workspaces of an organisation, but of none with a name that only begins alike."""
    store = await store_factory()
    for team in ("T1", "T11", "E1/T1", "E1/T2", "E11/T1"):
        await store.put_channel_key(a_key(team=team), a_line())
        await store.replace_settings(team, "C1", {}, {"portal": "https://x.example"}, a_line())
        await store.put_session(a_session(team=team), a_line())
        await store.put_link(a_link(hash=team, team=team), for_ms=MINUTE_MS)

    counts = [await store.forget_secrets(place, a_line("uninstalled")) for place in ("T1", "E1", "E1")]

    assert [3, 6, 0] == counts
    assert ["E11/T1", "T11"] == sorted(key.team for key in await store.channel_keys())
    assert ["E11/T1", "T11"] == sorted(session.team for session in await store.sessions())
    assert [None, None] == [await store.link(name) for name in ("T1", "E1/T2")]
    assert await store.settings("T1", "C1")
    details = [line["detail"] for line in await audit(store) if line["event"] == "uninstalled"]
    assert {"keys": 1, "sessions": 1, "links": 1} == details[0]


async def test_what_remains_of_a_workspace_that_was_left_goes_with_retention(store_factory):
    """Its channels' settings are kept as long as everything else, unless somebody sets a key again."""
    store = await store_factory()
    for channel in ("C1", "C2", "C3"):
        await store.put_channel_key(a_key(channel=channel), a_line())
        await store.replace_settings("T1", channel, {}, {"portal": "https://x.example"}, a_line())
    await store.replace_settings("T2", "C1", {}, {"portal": "https://x.example"}, a_line())
    await store.forget_secrets("T1", a_line("uninstalled"))
    await store.put_channel_key(a_key(channel="C2"), a_line())
    kept = await store.forget(older_than_ms=MINUTE_MS, period_ms=0)
    await passed(store, await store.now())
    await store.forget(older_than_ms=0, period_ms=0)

    assert 0 == kept
    assert [False, True, False, True] == [
        bool(await store.settings(*place))
        for place in (("T1", "C1"), ("T1", "C2"), ("T1", "C3"), ("T2", "C1"))
    ]


async def test_when_a_key_last_worked(store_factory):
    """What was refused, or was in another channel, or under a former key, does not count."""
    store = await store_factory()
    await store.record(a_line("outcome", outcome=Outcome.GONE_VERIFIED, workflow_id="1"))
    before = await store.now()
    await passed(store, before)
    await store.record(a_line("outcome", outcome="failed:SCOPE_DENIED"))
    await store.record(a_line("outcome", outcome=Outcome.GONE_VERIFIED, workflow_id="1", channel="C2"))
    worked = await store.worked_at("T1", "C1", since=0)

    assert worked is not None
    assert worked <= before
    assert await store.worked_at("T1", "C1", since=before + 1) is None
    assert await store.worked_at("T1", "C3", since=0) is None


async def _move(store):
    return await store.move_channel(
        "T1",
        "C1",
        "C9",
        reseal_key=lambda key: replace(key, channel="C9", sealed_key="key anew"),
        reseal_session=lambda session: replace(session, channel="C9", sealed_session="session anew"),
        event=a_line("channel_moved"),
    )
