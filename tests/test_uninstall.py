"""Once Slack does not let Haltbot in any more, its secrets are gone at once; the audit stays for its time."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from browser_door import PUBLIC_URL
from processes import haltbot
from test_keys import environment
from workspace import Workspace, workspace

from bot.domain.audit import Event
from bot.domain.connection import PersonSession
from bot.store.opening import open_store
from sandbox.vibecode import Step

WAITING = Step(3600, locked=False)
OTHERS = ("T0OTHERS", "E0ORG/T0HALTBOT")
"""Workspaces that share the database, and whose names are nearly the same."""

UNINSTALLED: tuple[str, dict[str, Any]] = ("app_uninstalled", {})
REVOKED = ("tokens_revoked", {"tokens": {"oauth": [], "bot": ["U0HALTBOT"]}})


@pytest.fixture(name="work")
async def _work(tmp_path):
    """A workspace with a key, a session and an open link, beside others with keys."""
    async with workspace(tmp_path, haltbot_public_url=PUBLIC_URL) as work:
        await keep_elsewhere(work)
        await keep_session(work)
        work.requester.admin = True
        await work.command("key")
        await work.whispered("API key:*")
        yield work


async def keep_elsewhere(work: Workspace) -> None:
    async with work._keys() as keys:
        for team in OTHERS:
            await keys.set(team, work.channel.id, work.key, None, by="shell:admin")


async def keep_session(work: Workspace) -> None:
    store = await open_store(work.settings.database_url, owner="test", shared=True)
    try:
        about: dict[str, Any] = {
            "team": work.slack.team,
            "channel": work.channel.id,
            "user": work.requester.id,
        }
        session = PersonSession(
            **about, sealed_session="v1.sealed", name="Rita", expires_at=9 * 10**12, connected_at=0
        )
        await store.put_session(session, Event(event="connected", **about))
    finally:
        await store.close()


def left(work: Workspace) -> dict[str, list[str]]:
    """Whose secrets are in the database."""
    with closing(sqlite3.connect(work.database_file)) as db:
        return {
            "keys": [team for (team,) in db.execute("SELECT team FROM channel WHERE sealed_key IS NOT NULL")],
            "sessions": [team for (team,) in db.execute("SELECT team FROM session")],
            "links": [team for (team,) in db.execute("SELECT team FROM key_link")],
        }


@pytest.mark.parametrize(("name", "fields"), [UNINSTALLED, REVOKED])
async def test_its_secrets_are_deleted_at_once(work: Workspace, name, fields):
    """Keys, sessions and links of this workspace, and of no other."""
    before = left(work)
    delivery = await work.slack.event(name, **fields)

    assert (3, 1, 1) == tuple(len(before[kind]) for kind in ("keys", "sessions", "links"))
    assert delivery.ok
    assert {"keys": sorted(OTHERS), "sessions": [], "links": []} == {
        kind: sorted(teams) for kind, teams in left(work).items()
    }


async def test_the_audit_stays_and_can_be_exported(work: Workspace):
    """What was done with the keys is still told, also the deletion itself."""
    instance = work.vibecode.start_instance(steps=[WAITING])
    await work.command(f"{instance} loops")
    await work.told("*Stopped:*")
    await work.slack.event("app_uninstalled")
    await work.slack.event("app_uninstalled")
    exported = await haltbot("audit", "export", environment=environment(work))

    assert 0 == exported.code
    assert instance in exported.out
    lines = [line for line in await work.audit() if line["event"] == "uninstalled"]
    assert {"why": "app_uninstalled", "keys": 1, "sessions": 1, "links": 1} == lines[0]["detail"]
    assert {"why": "app_uninstalled", "keys": 0, "sessions": 0, "links": 0} == lines[1]["detail"]


async def test_what_is_under_way_then_is_not_called(work: Workspace):
    """A question that was asked before finds no key any more."""
    instance = work.vibecode.start_instance()
    await work.command(f"{instance} force deadlocks")
    await work.told("*Force-terminate")
    await work.slack.event("app_uninstalled")
    await work.click("termination_force")
    await work.told("KEY_MISSING")

    assert not work.vibecode.deletes()


async def test_a_person_s_own_token_ends_nothing(work: Workspace):
    """Haltbot uses the bot's alone."""
    await work.slack.event("tokens_revoked", tokens={"oauth": [work.requester.id], "bot": []})

    assert work.slack.team in left(work)["keys"]


async def test_an_organisation_takes_all_of_its_workspaces_along(work: Workspace):
    """An installation for a whole organisation names no workspace when it ends."""
    envelope: dict[str, Any] = {"team_id": None, "enterprise_id": "E0ORG", "is_enterprise_install": True}
    await work.slack.event("app_uninstalled", envelope=envelope)

    assert sorted(["T0OTHERS", work.slack.team]) == sorted(left(work)["keys"])


async def test_a_workspace_that_joined_an_organisation_leaves_nothing_under_its_former_name(work: Workspace):
    """Slack names the organisation from then on; what was filed before is the same workspace's."""
    await work.slack.event("app_uninstalled", envelope={"enterprise_id": "E0ORG"})

    assert ["T0OTHERS"] == left(work)["keys"]


async def test_an_end_that_could_not_be_recorded_is_told_again(work: Workspace):
    """Without an acknowledgement Slack repeats the event."""
    path = work.database_file
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TRIGGER broken BEFORE DELETE ON session BEGIN SELECT RAISE(ABORT, 'disk'); END")
    failed = await work.slack.event("app_uninstalled")
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DROP TRIGGER broken")
    await work.slack.redeliver(failed)

    assert not failed.ok
    assert work.slack.team not in left(work)["keys"]


async def test_an_end_without_a_name_deletes_nothing(work: Workspace):
    """Better to be told again than to delete the secrets of everybody."""
    envelope: dict[str, Any] = {"team_id": None, "enterprise_id": None, "authorizations": []}
    await work.slack.event("app_uninstalled", envelope=envelope)

    assert 3 == len(left(work)["keys"])
