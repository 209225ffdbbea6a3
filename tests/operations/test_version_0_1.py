"""A database of version 0.1, taken while its bot was at work: this version finishes what is open in it."""

import asyncio
import base64
import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from workspace import Workspace, workspace

from bot.store.opening import open_store
from bot.store.payload import decode, encode
from sandbox.slack import Message
from sandbox.vibecode import Step

SAVED = Path(__file__).with_name("version_0_1")
WORLD: dict[str, Any] = json.loads((SAVED / "world.json").read_text())
"""Bitrix24's instances and Slack's messages, as they were when the database was taken."""
IDS: dict[str, str] = {name: instance["id"] for name, instance in WORLD["instances"].items()}
CHANNEL, REQUESTER = "C0000000B", "U0000000C"
API_KEY = "vibe_api_" + "5e" * 20
ENCRYPTION_KEY = base64.b64encode(b"the key of a 0.1 installation...").decode()
ENDINGS = ("outcome", "cancelled")
ENDED = ("gone", "failed", "kept")


def load_sqlite(path: Path) -> None:
    for each in path.parent.glob(f"{path.name}*"):
        each.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.executescript((SAVED / "sqlite.sql").read_text())


def load_postgres(url: str) -> None:
    import psycopg  # noqa: PLC0415 (an optional extra)

    with psycopg.connect(url, autocommit=True) as database:
        database.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        database.execute((SAVED / "postgres.sql").read_bytes())


def set_up(work: Workspace) -> None:
    """Bring Slack and Bitrix24 to where they were."""
    work.channel = work.slack.add_channel("ops", id=CHANNEL)
    work.requester = work.slack.add_person("Rita", id=REQUESTER)
    work.vibecode.add_key(API_KEY)
    for saved in WORLD["instances"].values():
        if saved["running"]:
            instance = {name: value for name, value in saved.items() if name not in ("running", "locked")}
            work.vibecode.start_instance(**instance, steps=[Step(3600, locked=saved["locked"])])
    slack = work.slack.workspace
    for saved in WORLD["messages"]:
        message = Message(**saved, user=work.slack.bot_user, via="chat.postMessage")
        slack.messages.append(message)
        slack._by_place[message.channel, message.ts] = message


def message(work: Workspace, name: str) -> Message:
    """The one message about an instance."""
    (found,) = [each for each in work.slack.channel_messages(work.channel) if IDS[name] in each.text]
    return found


async def told(work: Workspace, name: str, *words: str) -> None:
    def says() -> bool:
        found = [each for each in work.slack.channel_messages(work.channel) if IDS[name] in each.text]
        return len(found) == 1 and all(each in found[0].text for each in words)

    await work.slack.wait_for(says)


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
async def test_what_version_0_1_began_is_finished(tmp_path, request, database):
    """Questions are answered with its buttons, its watch goes on, what it left in a call is looked up first."""
    settings: dict[str, Any] = {"haltbot_encryption_keys": SecretStr(ENCRYPTION_KEY)}
    if database == "postgres":
        settings["database_url"] = request.getfixturevalue("postgres_url")
    async with workspace(tmp_path, start=False, pace={"write_back_ms": 1000}, **settings) as work:
        if database == "postgres":
            load_postgres(settings["database_url"])
        else:
            load_sqlite(tmp_path / "haltbot.db")
        set_up(work)
        ended = {name: message(work, name).text for name in ENDED}
        before = await work.audit()
        await work.start()

        await told(work, "telling", "*Stopped:*")
        await told(work, "called", "*Stopped, as far as we can tell:*", "recovered after a restart")
        await told(work, "lost", "*Stopped:*", "recovered after a restart", "The call was sent twice.")
        await told(work, "retried", "*Stopped:*", "The call was sent 3 times.")
        work.vibecode.finish(IDS["watched"])
        await told(work, "watched", "*Stopped:*")
        await work.slack.click(work.requester, message(work, "asked"), "termination_force")
        await work.slack.click(work.requester, message(work, "offered"), "termination_escalate")
        await told(work, "offered", "*Force-terminate", "DEAL_5104")
        await work.slack.click(work.requester, message(work, "offered"), "termination_force")
        await told(work, "asked", "*Stopped:*")
        await told(work, "offered", "*Stopped:*")

        store = await open_store(work.settings.database_url, owner="test", shared=True)
        try:
            async with asyncio.timeout(20):
                # What was forced in the middle of a step is watched a little longer.
                while await store.open_in(work.slack.team, CHANNEL):  # noqa: ASYNC110 -- a database wakes nobody
                    await asyncio.sleep(0.1)
            assert "https://demo.bitrix24.com" == (await store.settings(work.slack.team, CHANNEL))["portal"]
        finally:
            await store.close()

        deletes = Counter(call.instance for call in work.vibecode.deletes())
        assert {IDS[name]: 1 for name in ("lost", "retried", "asked", "offered")} == deletes
        assert ended == {name: message(work, name).text for name in ENDED}
        audit = await work.audit()
        assert before == audit[: len(before)]
        outcomes = {line["workflow_id"]: line["outcome"] for line in audit if line["event"] in ENDINGS}
        assert outcomes == dict.fromkeys(IDS.values(), "gone_verified") | {
            IDS["failed"]: "failed:SCOPE_DENIED",
            IDS["kept"]: "cancelled",
            IDS["called"]: "already_gone",
        }


def test_both_versions_can_work_on_one_database(tmp_path):
    """During a rolling update version 0.1 takes up what this one wrote: each field is under its old name."""
    load_sqlite(tmp_path / "haltbot.db")
    with closing(sqlite3.connect(tmp_path / "haltbot.db")) as database:
        payloads = [json.loads(payload) for (payload,) in database.execute("SELECT payload FROM job")]

    assert 10 == len(payloads)
    for stored in payloads:
        written = json.loads(encode(decode(json.dumps(stored))))
        assert stored == {name: written[name] for name in stored}
