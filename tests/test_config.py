"""A channel's settings: seen and changed in Slack by those who may, and in a shell."""

from pathlib import Path

import pytest
import yaml
from processes import haltbot
from workspace import Workspace, workspace

from bot.blocks_config import CONFIGURE
from bot.sandbox.slack import Person
from bot.sandbox.slack.workspace import View

HERE = ("--team", "T0HALTBOT", "--channel", "C0OPS")


async def opened(work: Workspace, person: Person) -> View:
    await work.command("config", by=person)
    (view,) = await work.slack.wait_for(lambda: work.slack.views(person))
    return view


@pytest.fixture(name="admin")
def _admin(work: Workspace) -> Person:
    return work.slack.add_person("Ada", admin=True)


async def test_an_admin_changes_the_settings(work: Workspace, admin: Person):
    """The dialog shows what is, the change counts at once, and the audit has the old and the new value."""
    view = await opened(work, admin)
    await work.slack.submit(
        admin, view, {"force": admin.id, "second_person": "always", "switches": ["type_last_four"]}
    )
    told = await work.whispered("Changed:", to=admin)
    again = await opened(work, admin)
    (changed,) = [event for event in await work.audit() if event["event"] == "settings_changed"]

    assert CONFIGURE == view.callback_id
    assert "*force*, *second_person*, *type_last_four*" in told
    assert admin.id == changed["user"]
    assert {
        "force": [["everyone"], [admin.id]],
        "second_person": ["off", "always"],
        "type_last_four": [False, True],
    } == changed["detail"]["changes"]
    (force,) = [block for block in again.blocks if block["block_id"] == "force"]
    assert admin.id == force["element"]["initial_value"]


async def test_a_mistake_is_shown_where_it_was_made(work: Workspace, admin: Person):
    """The dialog stays open, and nothing is changed."""
    view = await opened(work, admin)

    for values, block in (
        ({"force": "@ops-leads"}, "force"),
        ({"breaker_minutes": "0"}, "breaker_minutes"),
        ({"second_person": "outside_on_call"}, "second_person"),
        ({"portal": "http://acme"}, "portal"),
    ):
        answer = await work.slack.submit(admin, view, values)
        assert {block} == answer.json["errors"].keys()

    assert [view] == work.slack.views(admin)
    assert "settings_changed" not in [event["event"] for event in await work.audit()]


async def test_everybody_else_may_see_them(work: Workspace):
    """Privately, in words; there is no dialog."""
    await work.put_settings({"force": ["S0LEADS"], "breaker_limit": 5, "second_person": "always"})

    await work.command("config")
    told = await work.whispered("Haltbot's settings")

    assert "Role *force*: <!subteam^S0LEADS>" in told
    assert "more than 5 in 10 min" in told
    assert [] == work.slack.views(work.requester)


async def test_guests_do_not_see_them(work: Workspace):
    """Who may do nothing here reads nothing either."""
    guest = work.slack.add_person("Gus", guest=True)

    await work.command("config", by=guest)
    await work.whispered("Guests", to=guest)
    await work.command("show 69f0c2d5ade389.22457798", by=guest)
    await work.slack.wait_for(lambda: len(work.whispers(guest)) == 2)

    assert ["refused"] * 2 == [e["event"] for e in await work.audit() if e["event"] != "key_set"]


async def test_an_owner_gets_in_on_the_first_day(tmp_path: Path):
    """HALTBOT_OWNERS names people who may configure though they are no admins."""
    async with workspace(tmp_path, start=False) as work:
        work.settings = work.settings.model_copy(update={"haltbot_owners": f"U1, {work.requester.id}"})
        await work.start()

        view = await opened(work, work.requester)
        await work.slack.submit(work.requester, view, {"approve": work.requester.id})

        await work.whispered("Changed: *approve*")


async def test_whoever_lost_the_role_cannot_submit(work: Workspace, admin: Person):
    """The dialog was opened while it was allowed; what counts is the moment of the change."""
    view = await opened(work, admin)
    await work.put_settings({"configure": ["U0OTHER"]})

    await work.slack.submit(admin, view, {"force": "everyone"})
    await work.whispered("role *configure*", to=admin)

    (refused,) = [event for event in await work.audit() if event["event"] == "refused"]
    assert ("refused:not_granted", "configure") == (refused["outcome"], refused["detail"]["role"])


# --- in a shell


async def test_the_shell_shows_and_sets():
    """Like the dialog: strict, and each change is told with old and new value."""
    placed = await haltbot("channel", "set", *HERE, "force=S0LEADS,U0RITA", "second_person=off", "portal=")
    wrong = await haltbot("channel", "set", *HERE, "force=ops")
    strange = await haltbot("channel", "set", *HERE, "breaker_until=1")
    unclear = await haltbot("channel", "set", *HERE, "force")
    shown = await haltbot("channel", "show", *HERE)

    assert (0, "T0HALTBOT C0OPS: force: everyone → S0LEADS, U0RITA\n") == (placed.code, placed.out)
    assert [1, 1, 1] == [wrong.code, strange.code, unclear.code]
    assert wrong.err.startswith("force: 'ops' is neither")
    (channel,) = yaml.safe_load(shown.out)["channels"]
    assert (["S0LEADS", "U0RITA"], "off", "C0OPS") == (
        channel["force"],
        channel["second_person"],
        channel["channel"],
    )


async def test_a_file_is_applied_once(tmp_path: Path):
    """A dry run changes nothing, the second time there is nothing to do, and what is shown can be applied."""
    file = tmp_path / "channels.yaml"
    file.write_text(
        "channels:\n- {team: T0HALTBOT, channel: C0OPS, second_person: always, force: [S0LEADS]}\n"
        "- {team: T0HALTBOT, channel: C0DEV, second_person: off}\n"
    )
    dry = await haltbot("channel", "apply", str(file), "--dry-run")
    first = await haltbot("channel", "apply", str(file))
    second = await haltbot("channel", "apply", str(file))
    file.write_text((await haltbot("channel", "show", *HERE)).out)
    third = await haltbot("channel", "apply", str(file))

    assert "second_person: off would become always" in dry.out
    assert "second_person: off → always" in first.out
    assert "force: everyone → S0LEADS" in first.out
    assert [
        "T0HALTBOT C0OPS: nothing to change",
        "T0HALTBOT C0DEV: nothing to change",
    ] == second.out.splitlines()
    assert "T0HALTBOT C0OPS: nothing to change\n" == third.out


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- 1", "needs a list named channels"),
        ("channels: [{team: T1}]", "channel 1 needs a team and a channel"),
        ("channels: [{team: T1, channel: C1}, {team: T1, channel: C1}]", "there twice"),
        ("channels: [{team: T1, channel: C1, forse: everyone}]", "T1 C1: forse: there is no such setting"),
        ("channels: [{team: T1, channel: ops}]", "channel 1 needs ids"),
        ("channels: [", "this is no YAML"),
    ],
)
async def test_a_file_that_is_wrong_changes_nothing(tmp_path: Path, text: str, told: str):
    """It is read as a whole before anything is applied."""
    file = tmp_path / "channels.yaml"
    file.write_text(text)
    finished = await haltbot("channel", "apply", str(file))

    assert 1 == finished.code
    assert told in finished.err
    assert "Traceback" not in finished.err


async def test_a_file_that_is_no_text_is_named_as_it_was_given(tmp_path: Path):
    """With its path, since there may be several of its name."""
    file = tmp_path / "channels.yaml"
    file.write_bytes(b"channels: [\xff]")
    binary = await haltbot("channel", "apply", str(file))
    file.write_text("[]")
    empty = await haltbot("channel", "apply", str(file))

    assert (1, f"{file}: is not UTF-8 text\n") == (binary.code, binary.err)
    assert (1, f"{file}: needs a list named channels\n") == (empty.code, empty.err)
