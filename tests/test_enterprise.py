"""In an Enterprise organisation everything is filed under organisation, workspace and channel."""

from dataclasses import replace

import pytest
from workspace import Workspace, workspace

from bot.domain.audit import Event
from bot.domain.workspace import enterprise_of, is_outsider, outside_teams, team_of
from bot.domain.workspace import workspace as place_of
from bot.messages.termination import FORCE_TERMINATE
from bot.store.opening import open_store
from handlers.bodies import of_click, of_clicker, of_command, of_event
from sandbox.vibecode import Step

WAITING = Step(3600, locked=False)
ORG, TEAM = "E0ORG", "T0HALTBOT"
PLACE = f"{ORG}/{TEAM}"
COMMAND = {"enterprise_id": ORG, "enterprise_name": "Org", "is_enterprise_install": "true"}
CLICK = {"team": None, "enterprise": {"id": ORG, "name": "Org"}, "is_enterprise_install": True}


@pytest.fixture(name="work")
async def _work(tmp_path):
    async with workspace(tmp_path) as work:
        async with work._keys() as keys:
            await keys.remove(work.slack.team, work.channel.id, by="shell:admin")
            await keys.set(PLACE, work.channel.id, work.key, None, by="shell:admin")
        yield work


async def test_the_story_of_a_force_in_an_organisation(work: Workspace):
    """The click's payload names no workspace; the person's own does."""
    instance = work.vibecode.start_instance(steps=[WAITING])
    await work.command(f"{instance} force deadlocks", extra=COMMAND)
    message = await work.told("*Force-terminate")
    await work.slack.click(work.requester, message, FORCE_TERMINATE, extra=CLICK)
    await work.told("*Stopped:*")

    assert {PLACE} == {line["team"] for line in await work.audit() if line["reference"]}


@pytest.mark.parametrize(
    "user",
    [{}, {"team_id": None}, {"team_id": ORG}],
    ids=["no team", "null", "the organisation"],
)
async def test_a_person_whose_workspace_slack_leaves_out(work: Workspace, user):
    """User ids are those of the whole organisation, so that the requester is still the requester."""
    instance = work.vibecode.start_instance(steps=[WAITING])
    await work.command(f"{instance} force deadlocks", extra=COMMAND)
    message = await work.told("*Force-terminate")
    who = {"id": work.requester.id, "username": "rita"} | user
    delivery = await work.slack.click(work.requester, message, FORCE_TERMINATE, extra=CLICK | {"user": who})
    await work.told("*Stopped:*")

    assert delivery.ok


async def test_a_workspace_of_another_organisation_is_another_one(work: Workspace):
    """The same channel in another organisation, or outside of any, has no key."""
    instance = work.vibecode.start_instance()
    elsewhere = await work.command(instance, extra=COMMAND | {"enterprise_id": "E0ELSE"})
    alone = await work.command(instance)

    assert f"--team E0ELSE/{TEAM}" in elsewhere.json["text"]
    assert f"--team {TEAM} " in alone.json["text"]
    assert not work.vibecode.calls


async def test_a_sealed_key_opens_in_its_own_organisation_alone(work: Workspace):
    """Copied into the row of another one it is worth nothing."""
    store = await open_store(work.settings.database_url, owner="test", shared=True)
    try:
        key = await store.channel_key(PLACE, work.channel.id)
        assert key is not None
        copied = Event(event="key_copied", team=PLACE, channel=work.channel.id, user="nobody")
        await store.put_channel_key(replace(key, team=f"E0ELSE/{TEAM}"), copied)
    finally:
        await store.close()
    await work.command(work.vibecode.start_instance(), extra=COMMAND | {"enterprise_id": "E0ELSE"})
    await work.told("KEY_UNDECRYPTABLE")

    assert not work.vibecode.calls


async def test_a_command_without_a_workspace_belongs_to_the_organisation(work: Workspace):
    """It is not mistaken for a broken request."""
    delivery = await work.command(work.vibecode.start_instance(), extra=COMMAND | {"team_id": ""})
    nowhere = await work.command(work.vibecode.start_instance(), extra={"team_id": ""})

    assert f"--team {ORG} " in delivery.json["text"]
    assert 400 == nowhere.status


async def test_a_partner_s_press_in_an_organisation_is_refused(work: Workspace):
    """Another workspace's people are outsiders, whatever the organisation of the message."""
    await work.command(f"{work.vibecode.start_instance()} force deadlocks", extra=COMMAND)
    message = await work.told("*Force-terminate")
    user = {"id": work.requester.id, "team_id": "T0PARTNER"}
    await work.slack.click(work.requester, message, FORCE_TERMINATE, extra=CLICK | {"user": user})
    await work.whispered("Nothing was")

    assert not work.vibecode.deletes()


@pytest.mark.parametrize(
    ("team", "enterprise", "place"),
    [("T1", None, "T1"), ("T1", "", "T1"), ("T1", "E1", "E1/T1"), (None, "E1", "E1"), ("", "", "")],
)
def test_a_place_is_named_by_one_text(team, enterprise, place):
    """And read back from it."""
    assert place == place_of(team, enterprise)
    assert (team or None, enterprise or None) == (team_of(place) or None, enterprise_of(place))


@pytest.mark.parametrize(
    ("home", "place", "allowed", "outsider"),
    [
        ("T1", "T1", (), False),
        ("E1/T1", "E1/T1", (), False),
        ("E1", "E1/T1", (), False),
        ("T2", "T1", (), True),
        ("E1/T2", "E1/T1", (), True),
        ("T1", "E1/T1", (), True),
        ("E2", "E1/T1", (), True),
        ("", "T1", (), True),
        ("", "", (), False),
        ("E1/T2", "E1/T1", ("T2",), False),
        ("T2", "T1", ("T2", "T3"), False),
        ("T2", "T1", ("T3",), True),
    ],
)
def test_who_is_an_outsider(home, place, allowed, outsider):
    """Whoever is at home elsewhere, unless their team is allowed."""
    assert outsider is is_outsider(home, place, allowed)


def test_which_teams_of_a_shared_channel_are_outside():
    """Our own does not count, nor those that are allowed."""
    assert {"T3"} == outside_teams({"T1", "E1", "T2", "T3"}, "E1/T1", ("T2",))


@pytest.mark.parametrize(
    ("payload", "place", "home"),
    [
        ({"team": {"id": "T1"}, "user": {"id": "U1", "team_id": "T1"}}, "T1", "T1"),
        ({"team": {"id": "T1"}, "user": {"id": "U1"}}, "T1", "T1"),
        ({"team": {"id": "T1"}, "user": {"id": "U1", "team_id": "T2"}}, "T1", "T2"),
        ({"team": {"id": "T1", "enterprise_id": "E1"}, "user": {"id": "U1"}}, "E1/T1", "E1/T1"),
        ({"team": None, "enterprise": {"id": "E1"}, "user": {"id": "U1", "team_id": "T1"}}, "E1/T1", "E1/T1"),
        ({"team": None, "enterprise": {"id": "E1"}, "user": {"id": "U1"}}, "E1", "E1"),
        ({"team": None, "enterprise": {"id": "E1"}, "user": {"id": "U1", "team_id": "E1"}}, "E1", "E1"),
    ],
)
def test_where_a_click_belongs(payload, place, home):
    """The workspace of the message, and that of the person."""
    assert (place, home) == (of_click(payload), of_clicker(payload))


@pytest.mark.parametrize(
    ("envelope", "place"),
    [
        ({"team_id": "T1"}, "T1"),
        ({"team_id": "T1", "enterprise_id": "E1"}, "E1/T1"),
        ({"team_id": "T1", "authorizations": [{"enterprise_id": "E1", "team_id": "T1"}]}, "E1/T1"),
        ({"team_id": None, "enterprise_id": "E1", "is_enterprise_install": True}, "E1"),
        ({"authorizations": [{"enterprise_id": "E1", "is_enterprise_install": True}]}, "E1"),
        ({}, ""),
    ],
)
def test_where_an_event_belongs(envelope, place):
    """Slack names it in the envelope or in its authorisations."""
    assert place == of_event(envelope)


def test_a_form_has_texts_only():
    """What is missing is an empty text."""
    assert "T1" == of_command({"team_id": "T1", "enterprise_id": ""})
