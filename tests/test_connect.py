"""With an application's key everybody acts in their own name, and a session that ended costs nobody their request."""

import logging
import sqlite3
import time
from contextlib import closing
from urllib.parse import parse_qs, urlsplit

import pytest
from browser_door import PUBLIC_URL, browser, hand_in, link_of
from workspace import Workspace, workspace

from bot.domain.audit import Event
from bot.domain.errors import StoreBusy
from bot.messages.connections import CONNECT_LINK
from bot.messages.keys import KEY_LINK
from bot.messages.termination import CONNECT, FORCE_TERMINATE
from bot.store.store import SqlStore
from sandbox.slack import Person
from sandbox.vibecode import Step

WAITING = Step(3600, locked=False)
APP_KEY = "vibe_app_" + "a1b2c3d4" * 5


@pytest.fixture(name="work")
async def _work(tmp_path):
    """A channel whose key is an application's, handed in on the page."""
    async with workspace(tmp_path, start=False, haltbot_public_url=PUBLIC_URL) as work:
        work.requester.admin = True
        await work.start()
        await work.command("key")
        async with browser(work) as client:
            handed_in = await hand_in(client, await link_of(work, KEY_LINK), work.vibecode.add_key(APP_KEY))
        assert 200 == handed_in.status_code, handed_in.text
        yield work


async def follow(work: Workspace, *, by: Person | None = None, number: int = 1) -> str:
    """Open the link of the private answer; returns the state with which Vibecode's page is opened."""
    async with browser(work) as client:
        answer = await client.get(await link_of(work, CONNECT_LINK, to=by, number=number))
    assert 302 == answer.status_code, answer.text
    target = urlsplit(answer.headers["Location"])
    query = parse_qs(target.query)
    assert f"{target.scheme}://{target.netloc}{target.path}" == f"{work.vibecode.url}/v1/oauth/authorize"
    assert [APP_KEY] == query["app_key"]
    # The browser opens the page before its person can allow anything.
    async with browser(work) as client:
        assert 200 == (await client.get(answer.headers["Location"])).status_code
    return query["state"][0]


async def connect(work: Workspace, *, by: Person | None = None, name: str = "Rita R.") -> None:
    await work.command("connect", by=by)
    work.vibecode.approve(await follow(work, by=by), user="42", name=name)
    await told_directly(work, f"You are connected as {name}", to=by)


async def told_directly(work: Workspace, words: str, *, to: Person | None = None) -> str:
    def says() -> str | None:
        messages = work.slack.direct_messages(to or work.requester)
        return next((message.text for message in messages if words in message.text), None)

    return await work.slack.wait_for(says)


async def test_a_person_connects_once_and_acts_in_their_own_name(work: Workspace, caplog):
    """The session is sealed for this person in this channel; the application's key is in no message."""
    caplog.set_level(logging.INFO)
    await connect(work)
    instance = work.vibecode.start_instance(steps=[WAITING])
    await work.command(f"{instance} loops")
    await work.told("*Stopped:*")

    (call,) = work.vibecode.deletes(instance)
    assert "authorization" in {name.lower() for name in call.headers}
    (token,) = work.vibecode.key_ring.sessions
    messages = str([message.text + str(message.blocks) for message in work.slack.workspace.messages])
    stored = _stored(work)
    for secret in (APP_KEY, token):
        assert secret not in messages + stored + caplog.text + str(await work.audit())
    assert ["connected"] == [line["event"] for line in await work.audit() if line["event"] == "connected"]


async def test_one_s_session_is_nobody_else_s(work: Workspace):
    """A colleague who has not connected stops nothing with it."""
    await connect(work)
    instance = work.vibecode.start_instance()
    await work.command(f"{instance} loops", by=work.colleague)
    message = await work.told("TOKEN_MISSING")

    assert [CONNECT] == message.action_ids
    assert not work.vibecode.deletes()


async def test_a_refused_termination_goes_on_after_connecting(work: Workspace):
    """In its own message, once, and with the person's own session."""
    instance = work.vibecode.start_instance(steps=[WAITING])
    await work.command(f"{instance} loops")
    refused = await work.told("TOKEN_MISSING")
    await work.click(CONNECT)
    work.vibecode.approve(await follow(work), user="42", name="Rita R.")
    await work.told("*Stopped:*")
    assert "Within 15 min Haltbot then goes on by itself" in refused.text
    said = await told_directly(work, "You are connected")

    assert "goes on now" in said
    assert [] == work.message().action_ids
    assert 1 == len(work.vibecode.deletes(instance))
    assert ["requested", "outcome", "requested", "attempted", "outcome"] == await work.events()


async def test_a_connection_stands_though_the_database_did_not_answer_for_what_goes_on(
    work: Workspace, monkeypatch
):
    """Nobody is told that nothing was changed."""
    record = SqlStore.record

    async def busy(store: SqlStore, line: Event) -> None:
        if line.event == "resumed":
            raise StoreBusy("away")
        await record(store, line)

    monkeypatch.setattr(SqlStore, "record", busy)
    await work.command(f"{work.vibecode.start_instance(steps=[WAITING])} loops")
    await work.told("TOKEN_MISSING")
    await work.click(CONNECT)
    work.vibecode.approve(await follow(work), user="42", name="Rita R.")

    assert "as Rita R." in await told_directly(work, "You are connected")


async def test_a_force_goes_on_only_while_its_confirmation_stands(tmp_path):
    """One that has expired meanwhile is asked anew."""
    async with workspace(
        tmp_path, start=False, haltbot_public_url=PUBLIC_URL, haltbot_confirmation_seconds=4
    ) as work:
        work.requester.admin = True
        await work.start()
        await work.command("key")
        async with browser(work) as client:
            await hand_in(client, await link_of(work, KEY_LINK), work.vibecode.add_key(APP_KEY))
        instance = work.vibecode.start_instance(steps=[WAITING])
        await work.command(f"{instance} force deadlocks")
        await work.told("could not be looked up")
        await work.click(FORCE_TERMINATE)
        await work.told("*Not stopped:*")
        await work.click(CONNECT)
        state = await follow(work)
        confirmed_at = await work.told("*Not stopped:*")
        await work.vibecode.wait_for(lambda: _expired(work))
        work.vibecode.approve(state, user="42", name="Rita R.")
        question = await work.told("*Force-terminate workflow", within=8)

        assert confirmed_at.ts == question.ts
        assert FORCE_TERMINATE in question.action_ids
        assert not work.vibecode.deletes()


def _expired(work: Workspace) -> bool:
    path = work.database_file
    with closing(sqlite3.connect(path)) as db:
        (late,) = db.execute(
            "SELECT CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)"
            " > max(json_extract(payload, '$.expires_at')) FROM job"
        ).fetchone()
    return bool(late)


async def test_a_confirmed_force_goes_on(work: Workspace):
    """What was seen and confirmed is not asked twice."""
    instance = work.vibecode.start_instance(steps=[WAITING])
    await work.command(f"{instance} force deadlocks")
    await work.told("could not be looked up")
    await work.click(FORCE_TERMINATE)
    await work.told("*Not stopped:*")
    await work.click(CONNECT)
    work.vibecode.approve(await follow(work), user="42", name="Rita R.")
    await work.told("*Stopped:*")

    (call,) = work.vibecode.deletes(instance)
    assert "true" == call.query["force"]


async def test_only_the_requester_goes_on(work: Workspace):
    """The button under somebody else's request connects nobody."""
    instance = work.vibecode.start_instance()
    await work.command(f"{instance} loops")
    await work.told("TOKEN_MISSING")
    await work.click(CONNECT, by=work.colleague)
    said = await work.whispered("Only <@", to=work.colleague)

    assert work.requester.id in said
    assert [(work.colleague.id, "refused:not_the_requester")] == await refusals(work)
    assert not [
        message
        for message in work.slack.private_messages(work.colleague)
        if CONNECT_LINK in message.action_ids
    ]


@pytest.mark.parametrize("ended", [False, True])
async def test_show_points_to_connect(work: Workspace, ended: bool):
    """Whoever has no session is told how to get one; nothing went wrong."""
    if ended:
        await connect(work)
        _shift_sessions(work, -25 * 60 * 60 * 1000)
    await work.command(f"show {work.vibecode.start_instance()}")
    said = await work.whispered("cannot be used")

    assert "`/terminate-workflow connect`" in said
    assert ("TOKEN_EXPIRED" if ended else "TOKEN_MISSING") in said
    assert "button" not in said


async def test_a_session_that_ended_says_so(work: Workspace):
    """Before anything is sent, with the way to renew it."""
    await connect(work)
    _shift_sessions(work, -25 * 60 * 60 * 1000)
    instance = work.vibecode.start_instance()
    await work.command(f"{instance} loops")
    message = await work.told("TOKEN_EXPIRED")

    assert [CONNECT] == message.action_ids
    assert not work.vibecode.deletes()


async def test_the_end_of_a_session_is_told_in_advance(work: Workspace):
    """An hour before, once: somebody else's is told later, and this one is not told again."""
    for person, name in ((work.requester, "Rita R."), (work.colleague, "Carl C.")):
        await connect(work, by=person, name=name)
        await work.stop()
        _end_sessions_in(work, 30 * 60 * 1000)
        await work.start()
        await told_directly(work, "Your Bitrix24 connection", to=person)

    told = [m for m in work.slack.direct_messages(work.requester) if "Your Bitrix24 connection" in m.text]
    assert 1 == len(told)
    assert "ends on" in told[0].text


async def test_a_restart_loses_no_connection_that_was_allowed_meanwhile(work: Workspace):
    """Whoever follows the link again goes on where they were."""
    await work.command("connect")
    state = await follow(work)
    await work.stop()
    work.vibecode.approve(state, user="42", name="Rita R.")
    await work.start()
    async with browser(work) as client:
        await client.get(await link_of(work, CONNECT_LINK))
    await told_directly(work, "You are connected as Rita R.")


async def test_a_personal_key_needs_no_account(tmp_path):
    """There is nothing to connect, and that is said."""
    async with workspace(tmp_path, haltbot_public_url=PUBLIC_URL) as work:
        await work.command("connect")
        await work.whispered("there is nothing to connect")
        assert [(work.requester.id, "refused:nothing_to_connect")] == await refusals(work)


async def test_without_a_public_address_that_is_said(tmp_path):
    """The application's key must not stand in a message, so there is no other way."""
    async with workspace(tmp_path) as work:
        key = work.vibecode.add_key(APP_KEY)
        await work.set_key(key, session=work.vibecode.add_session(key))
        await work.command("connect")
        said = await work.whispered("HALTBOT_PUBLIC_URL")

        assert APP_KEY not in said
        assert "/v1/oauth/authorize" not in said


async def test_a_link_that_has_ended_leads_nowhere(work: Workspace):
    """The application's key is not told to whoever finds an old link."""
    await work.command("connect")
    path = await link_of(work, CONNECT_LINK)
    work.vibecode.approve(await follow(work), user="42", name="Rita R.")
    await told_directly(work, "You are connected")
    async with browser(work) as client:
        answers = [await client.get(path), await client.get("/connect/" + "x" * 43)]

    assert [410, 410] == [answer.status_code for answer in answers]
    assert not [answer for answer in answers if "Location" in answer.headers or APP_KEY in answer.text]


async def refusals(work: Workspace) -> list[tuple[str, str]]:
    return [(line["user"], line["outcome"]) for line in await work.audit() if line["event"] == "refused"]


def _stored(work: Workspace) -> str:
    path = work.database_file
    return "".join(file.read_bytes().decode("latin-1") for file in path.parent.iterdir())


def _end_sessions_in(work: Workspace, ms: int) -> None:
    with closing(sqlite3.connect(work.database_file)) as db, db:
        db.execute("UPDATE session SET expires_at = ?", (time.time() * 1000 + ms,))


def _shift_sessions(work: Workspace, by_ms: int) -> None:
    with closing(sqlite3.connect(work.database_file)) as db, db:
        db.execute("UPDATE session SET expires_at = expires_at + ?", (by_ms,))
