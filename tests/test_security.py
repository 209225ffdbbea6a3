"""What docs/security.md says of attackers, where no other story tells it already."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import httpx
import pytest
from workspace import Workspace, workspace

from bot.channels.keys import Keys
from bot.config.settings import Settings
from bot.config.vault import AesVault
from bot.domain.audit import Event
from bot.domain.connection import PersonSession
from bot.domain.errors import KeyUndecryptable, SessionMissing
from bot.messages.termination import FORCE_TERMINATE
from bot.store.opening import open_store, open_vault
from bot.store.store import SqlStore
from sandbox.slack.delivery import signed_headers
from sandbox.vibecode import Step

WAITING = Step(3600, locked=False)
APP_KEY = "vibe_app_" + "a1b2c3d4" * 5
TOKEN = "vibe_session_" + "5e5510" * 6


async def test_a_stolen_file_opens_no_key(work: Workspace):
    """Without the encryption keys, whatever else the thief brings along."""
    thief = AesVault([b"\1" * 32])
    store = await open_store(work.settings.database_url, owner="thief", shared=True)
    try:
        with pytest.raises(KeyUndecryptable):
            await Keys(store, thief).open(work.slack.team, work.channel.id)
    finally:
        await store.close()
    path = work.database_file
    files = b"".join(file.read_bytes() for file in path.parent.iterdir())
    for secret in (work.key, work.slack.bot_token, work.slack.signing_secret):
        assert secret.encode() not in files


async def test_a_stolen_file_tells_who_stopped_what_and_why(work: Workspace):
    """The audit is for people to read, so it is not encrypted."""
    await work.command(f"{work.vibecode.start_instance(steps=[WAITING])} loops since noon")
    await work.told("*Stopped:*")
    with closing(sqlite3.connect(work.database_file)) as db:
        (found,) = db.execute("SELECT DISTINCT \"user\", reason FROM event WHERE reason <> ''").fetchall()

    assert (work.requester.id, "loops since noon") == found


async def test_a_file_stolen_with_its_key_file_is_open(tmp_path):
    """The key file beside an embedded database is for machines whose disk is trusted."""
    async with workspace(tmp_path, haltbot_encryption_keys=None) as work:
        store = await open_store(work.settings.database_url, owner="thief", shared=True)
        try:
            with pytest.raises(KeyUndecryptable):
                await Keys(store, AesVault([b"\1" * 32])).open(work.slack.team, work.channel.id)
            opened = await Keys(store, open_vault(work.settings)).open(work.slack.team, work.channel.id)
        finally:
            await store.close()

    assert work.key == opened.key.value


async def test_a_session_copied_to_somebody_else_opens_for_nobody(embedded: SqlStore):
    """Whoever can write the file cannot act as a colleague in another row."""
    keys = Keys(embedded, AesVault([b"\2" * 32]))
    await keys.set("T1", "C1", APP_KEY, None, by="user:U1", people_connect=True)
    session = PersonSession(
        team="T1",
        channel="C1",
        user="U1",
        sealed_session="",
        name="Rita",
        expires_at=9 * 10**12,
        connected_at=0,
    )
    sealed = await keys.connect(session, TOKEN)
    copied = Event(event="copied", team="T1", channel="C1", user="U2")
    await embedded.put_session(replace(sealed, user="U2"), copied)

    assert TOKEN == (await keys.open("T1", "C1", "U1")).key.session
    with pytest.raises(KeyUndecryptable):
        await keys.open("T1", "C1", "U2")
    with pytest.raises(SessionMissing):
        await keys.open("T1", "C1", "U3")


async def test_sessions_are_sealed_anew_with_the_keys(embedded: SqlStore):
    """After a rotation the former encryption key opens nothing any more."""
    old, new = b"\3" * 32, b"\4" * 32
    before = Keys(embedded, AesVault([old]))
    await before.set("T1", "C1", APP_KEY, None, by="user:U1", people_connect=True)
    about = {"team": "T1", "channel": "C1", "user": "U1"}
    session = PersonSession(**about, sealed_session="", name="", expires_at=9 * 10**12, connected_at=0)
    await before.connect(session, TOKEN)
    await Keys(embedded, AesVault([new, old])).rotate(by="shell:admin")

    opened = await Keys(embedded, AesVault([new])).open("T1", "C1", "U1")
    assert (APP_KEY, TOKEN) == (opened.key.value, opened.key.session)
    with pytest.raises(KeyUndecryptable):
        await before.open("T1", "C1", "U1")


def test_no_setting_holds_a_vibecode_key():
    """They are in the database alone, sealed: a stolen .env by itself stops no workflow."""
    names = [name for name in Settings.model_fields if "vibecode" in name]

    assert {"haltbot_vibecode_rate", "vibecode_api_url"} <= set(names)
    assert not [name for name in names if "key" in name or "token" in name or "secret" in name]


async def test_whoever_has_the_signing_secret_speaks_as_slack(work: Workspace):
    """With it, commands can be made up for anybody: rotate it in Slack as soon as it may be known."""
    delivery = await work.command("help")
    body = delivery.request_body.replace(b"text=help", b"text=status")
    known = signed_headers(work.slack.signing_secret, body)
    guessed = signed_headers("0" * 32, body)

    assert [200, 401] == [await _sent(work, body, headers) for headers in (known, guessed)]


async def _sent(work: Workspace, body: bytes, headers: dict[str, str]) -> int:
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            f"http://127.0.0.1:{work.port}/slack/events", content=body, headers=headers
        )
    return answer.status_code


async def test_a_taken_over_account_may_do_no_more_than_its_person(work: Workspace):
    """Its roles bound it; where a second person is needed, it forces nothing alone, and all of it is recorded."""
    await work.put_settings({"second_person": "always", "soft": [work.colleague.id]})
    instance = work.vibecode.start_instance()
    await work.command(f"{instance} loops")
    await work.whispered("*soft*")
    await work.command(f"{instance} force loops")
    await work.told("*Force-terminate")
    await work.click(FORCE_TERMINATE)
    await work.whispered("Nothing was done", to=work.requester)

    assert work.vibecode.is_running(instance)
    assert not work.vibecode.deletes()
    assert {work.requester.id} == {
        line["user"] for line in await work.audit() if line["event"] in ("requested", "refused")
    }
