"""A channel's settings: seen and changed in Slack by those who may, and in a shell."""

from pathlib import Path

import pytest
import yaml
from processes import haltbot
from workspace import Workspace, workspace

from bot.messages.settings_modal import CONFIGURE
from bot.store.opening import open_store
from sandbox.slack import Person
from sandbox.slack.workspace import View

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
        ({"force": "everyone, nobody"}, "force"),
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


@pytest.fixture(name="shell_database")
async def _shell_database() -> None:
    """A database in the folder in which the commands are run; they make none."""
    await (await open_store("sqlite:///haltbot.db", owner="test", shared=True)).close()


async def test_the_shell_shows_and_sets(shell_database: None):
    """Like the dialog: strict, and each change is told with old and new value."""
    placed = await haltbot("channel", "set", *HERE, "force=S0LEADS,U0RITA", "second_person=off", "portal=")
    wrong = await haltbot("channel", "set", *HERE, "force=ops")
    strange = await haltbot("channel", "set", *HERE, "breaker_until=1")
    unclear = await haltbot("channel", "set", *HERE, "force")
    shown = await haltbot("channel", "show", *HERE)

    assert (0, "T0HALTBOT C0OPS: force: everyone → S0LEADS, U0RITA\n") == (placed.code, placed.out)
    assert [1, 1, 1] == [wrong.code, strange.code, unclear.code]
    assert wrong.err.startswith("force: “ops” is neither everyone, admins, nobody, nor")
    (channel,) = yaml.safe_load(shown.out)["channels"]
    assert (["S0LEADS", "U0RITA"], "off", "C0OPS") == (
        channel["force"],
        channel["second_person"],
        channel["channel"],
    )


async def test_nobody_is_written_out_in_a_shell(shell_database: None):
    """Empty means nobody in the dialog, which shows it; in a shell it would have meant what holds by default."""
    for empty in ("force=", "soft= ", "approve=,"):
        refused = await haltbot("channel", "set", *HERE, empty)
        name = empty.partition("=")[0]
        assert (1, f"{name}: is empty; write nobody, everyone, admins, or ids\n") == (
            refused.code,
            refused.err,
        )
    placed = await haltbot("channel", "set", *HERE, "force=nobody", "allowed_teams=T1")
    lifted = await haltbot("channel", "set", *HERE, "allowed_teams=")

    assert "force: everyone → nobody\n" in placed.out
    assert "allowed_teams: none → T1\n" in placed.out
    assert "T0HALTBOT C0OPS: allowed_teams: T1 → none\n" == lifted.out


async def test_what_contradicts_itself_is_refused(shell_database: None):
    """Whichever won, somebody would have meant the other one."""
    twice = await haltbot("channel", "set", *HERE, "soft=U1", "soft=U2")
    both = await haltbot("channel", "set", *HERE, "force=everyone,nobody")

    assert (1, "soft: is there twice\n") == (twice.code, twice.err)
    assert (1, "force: “nobody” goes with nothing else.\n") == (both.code, both.err)


async def test_an_empty_file_is_told(tmp_path: Path):
    """Somebody meant another file, perhaps."""
    file = tmp_path / "channels.yaml"
    file.write_text("channels: []")
    finished = await haltbot("channel", "apply", str(file))

    assert (0, f"{file}: there is no channel in it, so nothing was changed\n") == (
        finished.code,
        finished.out,
    )


async def test_a_role_of_nobody_is_applied_as_it_was_shown(tmp_path: Path, shell_database: None):
    """The empty list is how YAML shows it."""
    await haltbot("channel", "set", *HERE, "force=nobody")
    file = tmp_path / "channels.yaml"
    file.write_text((await haltbot("channel", "show", *HERE)).out)
    again = await haltbot("channel", "apply", str(file))

    assert "force: []" in file.read_text()
    assert (0, "T0HALTBOT C0OPS: nothing to change\n") == (again.code, again.out)


async def test_a_file_is_applied_once(tmp_path: Path, shell_database: None):
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
        ("channels: [{team: T1, channel: C1, forse: everyone}]", "T1 C1: forse: There is no such setting"),
        ("channels: [{team: T1, channel: ops}]", "channel 1 needs ids"),
        ("channels: [", "this is no YAML"),
        ("channels: [{team: T1, channel: C1, force: }]", "T1 C1: force: is empty; write nobody"),
        ("channels: [{team: T1, channel: C1, force: ''}]", "T1 C1: force: is empty; write nobody"),
        ("channels: [{team: T1, channel: C1, force: ['']}]", "T1 C1: force: is empty; write nobody"),
        (
            "channels:\n- team: T1\n  channel: C1\n  soft: everyone\n  soft: admins",
            "soft is there twice (line 5)",
        ),
        ("channels: []\nchannels: []", "channels is there twice (line 2)"),
        (
            "channels: [{team: T1, channel: C1, portal: 2026-13-45}]",
            "holds a value, such as a date, that is none",
        ),
        ("channels: [{team: T1, channel: C1, break_glass: !!bool perhaps}]", "holds a value"),
        ("channels: " + "[" * 5000, "is nested far too deeply"),
    ],
)
async def test_a_file_that_is_wrong_changes_nothing(
    tmp_path: Path, shell_database: None, text: str, told: str
):
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
