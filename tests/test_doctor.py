"""The doctor: each trouble is named with what to do, before somebody meets it at night."""

import contextlib
import json
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from clock import Clock
from processes import haltbot, variables
from workspace import Workspace, workspace

from bot.channels.keys import Keys
from bot.config.settings import Settings
from bot.config.vault import key_file
from bot.domain.api_key import KeyFacts
from bot.domain.findings import (
    LOW_DISK_BYTES,
    NO_DISK_BYTES,
    Finding,
    Level,
    Place,
    judge_clock,
    judge_disk,
    judge_key,
    judge_scopes,
    worst,
)
from bot.messages.error_catalog import explain
from bot.messages.findings import describe, remedy
from bot.operations.doctor.database_checks import check_database_file
from bot.operations.doctor.doctor import open_doctor
from bot.operations.doctor.http_checks import check_http
from bot.ports.store import Store
from bot.store.opening import open_store, open_vault
from bot.store.sqlite import open_sqlite

DAY = 24 * 60 * 60 * 1000
PLACE = Place("T1", "C1")


@pytest.fixture(name="idle")
async def _idle(tmp_path: Path) -> AsyncIterator[Workspace]:
    """A workspace whose bot does not run: the doctor needs none."""
    async with workspace(tmp_path, mode="socket", start=False) as opened:
        yield opened


async def examine(work: Workspace) -> dict[str, Finding]:
    """What is not good, by the name of the check."""
    async with open_doctor(work.settings) as doctor:
        found = await doctor.check_all()
    return {finding.check: finding for finding in found if finding.level is not Level.OK}


async def test_a_good_installation_has_nothing_to_mend(idle: Workspace):
    """Every part of it was looked at."""
    async with open_doctor(idle.settings) as doctor:
        found = await doctor.check_all()

    assert Level.OK is worst(found), found
    assert {
        "database",
        "database.disk",
        "database.integrity",
        "database.version",
        "slack.token",
        "slack.scopes",
        "clock",
        "slack.way_in",
        "channel.slack",
        "key.facts",
        "key.workflows",
    } == {finding.check for finding in found}


async def test_nothing_is_stopped_or_said_by_it(idle: Workspace):
    """It only reads."""
    await examine(idle)

    assert {"GET"} == {call.method for call in idle.vibecode.calls}
    assert {"auth.test", "apps.connections.open", "conversations.info"} == {
        call.method for call in idle.slack.calls
    }


@pytest.mark.parametrize(
    ("change", "check", "level"),
    [
        ({"access_mode": "READONLY"}, "key.readonly", Level.FAIL),
        ({"scopes": ("crm",)}, "key.scope", Level.FAIL),
        ({"expires_at": time.time() + 5 * 86_400}, "key.expiry", Level.WARN),
        ({"expires_at": time.time() - 60}, "key.valid", Level.FAIL),
        ({"active": False}, "key.valid", Level.FAIL),
        ({"tokens": False}, "key.workflows", Level.FAIL),
    ],
)
async def test_a_key_in_trouble_is_named(idle: Workspace, change, check, level):
    """Each with its channel and a remedy."""
    await idle.set_key(idle.vibecode.add_key("vibe_api_0123456789abcdef0123", **change))
    finding = (await examine(idle))[check]

    assert (level, idle.channel.id) == (finding.level, finding.channel)
    assert remedy(finding)
    assert "0123456789abcdef" not in describe(finding)


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"archived": True}, "channel.archived"),
        ({"shared_with": ("T0PARTNER",)}, "channel.shared"),
        ({"bot_is_member": False}, "channel.member"),
        ({"bot_is_member": False, "private": True}, "channel.member"),
    ],
)
async def test_a_channel_in_trouble_is_named(idle: Workspace, change, check):
    """As Slack describes it."""
    vars(idle.channel).update(change)
    finding = (await examine(idle))[check]

    assert idle.channel.id == finding.channel
    assert remedy(finding)


async def test_a_key_that_does_not_open_is_named(idle: Workspace):
    """The sealed key belongs to another channel's row."""
    other = idle.slack.add_channel("other")
    await idle.copy_sealed_key(idle.channel, other)
    found = await examine(idle)

    assert (Level.FAIL, other.id) == (found["key.sealed"].level, found["key.sealed"].channel)


@pytest.mark.parametrize(
    ("method", "error", "check", "level"),
    [
        ("auth.test", "invalid_auth", "slack.token", Level.FAIL),
        ("auth.test", "internal_error", "slack.token", Level.FAIL),
        ("apps.connections.open", "link_disabled", "slack.way_in", Level.FAIL),
        ("apps.connections.open", "internal_error", "slack.way_in", Level.WARN),
        ("conversations.info", "missing_scope", "channel.slack", Level.WARN),
    ],
)
async def test_slack_in_trouble_is_named(idle: Workspace, method, error, check, level):
    """With Slack's own code."""
    idle.slack.fail(method, error, times=9)
    finding = (await examine(idle))[check]

    assert level is finding.level
    assert error in describe(finding) + remedy(finding)


async def test_a_key_to_which_people_connect_themselves_is_none_of_its_business(idle: Workspace):
    """Without a person there is no session, and that is as it should be."""
    async with open_store_of(idle) as store:
        keys = Keys(store, open_vault(idle.settings))
        value = idle.vibecode.add_key("vibe_app_0123456789abcdef0123")
        await keys.set(idle.slack.team, idle.channel.id, value, None, by="shell:me", people_connect=True)

    assert {} == await examine(idle)


async def test_no_key_at_all_is_worth_a_word(tmp_path: Path):
    """A fresh installation is told how to set the first one."""
    async with workspace(tmp_path, start=False) as work:
        await work.remove_key()
        finding = (await examine(work))["keys"]

    assert "haltbot key set" in remedy(finding)


@pytest.mark.parametrize(
    ("ahead", "level"),
    [(0.4, "ok"), (-29, "ok"), (31, "warn"), (-239, "warn"), (-241, "fail"), (None, "warn")],
)
def test_the_clock_is_judged_by_slack_s_signatures(ahead, level):
    """They are refused from five minutes on."""
    assert level == judge_clock(ahead).level


@pytest.mark.parametrize(
    ("granted", "level", "word"),
    [
        ("commands,chat:write,users:read", "ok", "manifest's"),
        ("commands, chat:write", "warn", "users:read"),
        ("commands", "fail", "chat:write"),
        ("", "warn", "does not say"),
    ],
)
def test_scopes_are_compared_with_the_manifest(granted, level, word):
    """Those it cannot do without fail, the others warn."""
    finding = judge_scopes(granted, ["commands", "chat:write"], ["users:read"])

    assert level == finding.level
    assert word in describe(finding)


@pytest.mark.parametrize(("days", "level"), [(15, "ok"), (13, "warn"), (0.1, "warn"), (-1, "fail")])
def test_a_key_s_end_is_told_two_weeks_before(days, level):
    """Fourteen days suffice to have a new one issued."""
    facts = KeyFacts(
        kind="personal", scopes=("bizproc",), access_mode="READWRITE", expires_at=int(days * DAY)
    )

    assert level == worst(judge_key(Place("T", "C"), facts, 0))


def test_a_management_key_is_named():
    """It reaches no workflows."""
    (finding,) = judge_key(Place("T", "C"), KeyFacts(kind="management"), 0)

    assert "key.kind" == finding.check


@pytest.mark.parametrize(
    ("free", "level"), [(NO_DISK_BYTES - 1, "fail"), (LOW_DISK_BYTES - 1, "warn"), (LOW_DISK_BYTES, "ok")]
)
def test_a_full_disk_is_told_before_it_is_full(free, level):
    """Nothing can be recorded without room."""
    assert level == judge_disk(free).level


def test_a_file_that_is_no_database_is_named(tmp_path: Path):
    """The remedy is a backup."""
    path = tmp_path / "haltbot.db"
    path.write_bytes(b"not a database" * 100)

    assert Level.FAIL is worst(check_database_file(path))


def test_a_newer_version_s_database_is_named(tmp_path: Path):
    """A migration that this version does not know."""
    path = tmp_path / "haltbot.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE _sqlite_migrations (name TEXT)")
        db.execute("INSERT INTO _sqlite_migrations VALUES ('9999_future')")
    db.close()
    found = {finding.check: finding for finding in check_database_file(path)}

    assert Level.FAIL is found["database.version"].level
    assert "9999_future" in describe(found["database.version"])


async def test_the_command_says_it_in_lines(idle: Workspace):
    """A warning is no failure: the bot does not run here."""
    finished = await haltbot("doctor", environment=variables(idle.settings))

    assert (0, "") == (finished.code, finished.err)
    assert "ok    Slack knows the bot" in finished.out
    assert "warn  No Haltbot answers" in finished.out
    assert "      → Start it" in finished.out


async def test_what_it_tells_to_run_can_be_run(idle: Workspace):
    """With the ids of the channel that it is about."""
    await idle.set_key(idle.vibecode.add_key(active=False))
    finished = await haltbot("doctor", environment=variables(idle.settings))

    where = f"--team {idle.slack.team} --channel {idle.channel.id}"
    assert 1 == finished.code
    assert f"→ Set a new key: `haltbot key set {where}`." in finished.out


@pytest.mark.parametrize(
    ("finding", "said"),
    [
        (
            PLACE.fail("key.valid", "key_refused", code="INVALID_APP_KEY"),
            "Set the key with its session: `haltbot key set --session --team T1 --channel C1`.",
        ),
        (PLACE.fail("key.valid", "no_keys"), "haltbot key set --team T… --channel C…"),
        (
            PLACE.fail("key.valid", "key_refused", code="KEY_EXPIRED"),
            "Set a new key: `haltbot key set --team T1 --channel C1`.",
        ),
    ],
)
def test_a_remedy_names_the_channel_once(finding: Finding, said: str):
    """Whatever else stands in the command."""
    assert said == remedy(finding)


async def test_a_settings_file_that_others_can_read_is_named(idle: Workspace, tmp_path: Path):
    """It holds the tokens."""
    env = tmp_path / ".env"
    env.write_text("")
    env.chmod(0o644)
    open_to_all = await haltbot("doctor", environment=variables(idle.settings))
    env.chmod(0o600)
    mine = await haltbot("doctor", environment=variables(idle.settings))

    assert (
        f"warn  {env} holds the tokens, and others on this machine may read it (mode 0644)" in open_to_all.out
    )
    assert f"→ chmod 600 {env}" in open_to_all.out
    assert "chmod" not in mine.out


async def test_the_command_says_it_in_json(idle: Workspace):
    """Exit code 1 when something fails; no secret in it."""
    await idle.set_key(idle.vibecode.add_key("vibe_api_0123456789abcdef0123", access_mode="READONLY"))
    finished = await haltbot("doctor", "--json", environment=variables(idle.settings))
    found = json.loads(finished.out)

    assert (1, "fail") == (finished.code, found["level"])
    assert {"check", "level", "told", "remedy", "team", "channel"} == found["findings"][0].keys()
    assert "key.readonly" in [finding["check"] for finding in found["findings"]]
    for secret in (*idle.settings.secrets(), "0123456789abcdef"):
        assert secret not in finished.out


async def test_wrong_settings_are_findings_as_well():
    """Nothing else can be looked at then."""
    finished = await haltbot("doctor", environment={"SLACK_BOT_TOKEN": "hello", "SLACK_APP_TOKEN": "xapp-1"})

    assert 1 == finished.code
    assert "fail  SLACK_BOT_TOKEN: must start with xoxb-" in finished.out
    assert "haltbot setup" in finished.out
    assert finished.out.endswith("\n1 check, 1 to look at.\n")


async def test_a_variable_that_is_no_setting_is_named(idle: Workspace):
    """It does not fail: another program may have its own."""
    finished = await haltbot("doctor", environment=variables(idle.settings) | {"HALTBOT_OWNER": "U1"})

    assert 0 == finished.code
    assert "warn  There is no setting HALTBOT_OWNER" in finished.out


@pytest.mark.parametrize(
    ("error", "mended"),
    [("missing_scope", "Grant channels:read"), ("internal_error", "Try again when Slack answers")],
)
async def test_a_scope_is_asked_for_only_where_one_is_missing(idle: Workspace, error: str, mended: str):
    """While Slack is away no scope would help."""
    idle.slack.fail("conversations.info", error, times=9)

    assert mended in remedy((await examine(idle))["channel.slack"])


async def test_a_database_that_cannot_be_opened_is_a_finding(idle: Workspace):
    """The folder is not there."""
    settings = variables(idle.settings) | {"DATABASE_URL": "sqlite:///nowhere/haltbot.db"}
    finished = await haltbot("doctor", environment=settings)

    assert 1 == finished.code
    assert "fail  DATABASE_URL: the folder" in finished.out


async def test_a_database_that_is_not_there_yet_is_told_and_not_made(idle: Workspace, tmp_path: Path):
    """Nor is its key file; Slack is looked at all the same."""
    (tmp_path / "new").mkdir()
    settings = variables(idle.settings) | {"DATABASE_URL": f"sqlite:///{tmp_path}/new/haltbot.db"}
    finished = await haltbot("doctor", environment=settings)

    assert (0, "") == (finished.code, finished.err)
    assert f"warn  There is no database yet at {tmp_path}/new/haltbot.db." in finished.out
    assert "→ haltbot run makes it" in finished.out
    assert "ok    Slack knows the bot" in finished.out
    assert [] == list((tmp_path / "new").iterdir())


async def test_a_key_file_that_is_not_needed_yet_is_not_made(idle: Workspace, tmp_path: Path):
    """A database without a key has nothing that would have to be opened."""
    await idle.remove_key()
    async with open_doctor(with_key_file(idle)) as doctor:
        found = await doctor.check_all()

    assert ["keys"] == [finding.check for finding in found if finding.level is not Level.OK]
    assert not (tmp_path / "haltbot.db.key").exists()


def with_key_file(work: Workspace) -> Settings:
    """The settings of a bot to which no encryption key is given."""
    return work.settings.model_copy(update={"haltbot_encryption_keys": None})


async def test_a_damaged_database_wants_a_backup(idle: Workspace, tmp_path: Path):
    """The address is right, so it is not what has to be checked."""
    database = tmp_path / "haltbot.db"
    database.write_bytes(b"damaged" * 2000)
    finished = await haltbot("doctor", environment=variables(idle.settings))

    assert 1 == finished.code
    assert "file is not a database" in finished.out
    assert "haltbot restore FILE" in finished.out
    assert "Check DATABASE_URL" not in finished.out
    assert "ok    Slack knows the bot" in finished.out


async def test_a_key_file_that_others_can_read_is_named(idle: Workspace, tmp_path: Path):
    """It opens every stored key."""
    path = tmp_path / "haltbot.db.key"
    key_file(path)
    path.chmod(0o640)
    async with open_doctor(with_key_file(idle)) as doctor:
        found = {finding.check: finding for finding in await doctor.check_database()}

    assert Level.WARN is found["database.key_file"].level
    assert f"chmod 600 {path}" == remedy(found["database.key_file"])
    assert "(mode 0640)" in describe(found["database.key_file"])


async def test_a_token_that_fails_says_nothing_about_the_channels(idle: Workspace):
    """No scope would help."""
    for method in ("auth.test", "conversations.info"):
        idle.slack.fail(method, "invalid_auth", times=9)

    assert ["slack.token"] == list(await examine(idle))


@pytest.mark.parametrize(
    ("code", "mended"),
    [
        ("ADDRESS_NOT_FOUND", "Check VIBECODE_API_URL and the network."),
        (
            "KEY_UNDECRYPTABLE",
            "Check HALTBOT_ENCRYPTION_KEYS, or set the key again: `haltbot key set`.",
        ),
        (
            "TOKEN_EXPIRED",
            "Authorise again in Vibecode, then set the key with its new session: `haltbot key set --session`.",
        ),
        ("RATE_LIMITED", "This usually passes: examine again in a few minutes."),
    ],
)
def test_the_admin_is_not_told_to_ask_the_admin(code: str, mended: str):
    """Whoever runs the examination is the one whom everybody else is told to ask."""
    assert mended == explain(code, None).remedy


async def test_an_address_of_ipv6_and_a_proxy_are_no_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The address is written in brackets; a proxy is on the way to others only."""
    async with workspace(tmp_path) as work:
        settings = work.settings.model_copy(update={"haltbot_port": work.port})
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:1")
        (here,) = await check_http(settings)
    (away,) = await check_http(settings.model_copy(update={"haltbot_host": "::1", "haltbot_port": 1}))

    assert Level.OK is here.level
    assert "No Haltbot answers at http://[::1]:1/readyz." == describe(away)


@pytest.mark.parametrize("mode", ["http", "socket"])
async def test_a_running_bot_is_asked_itself(tmp_path: Path, mode: str):
    """Here and at its public address, over which Slack and browsers come; a stranger's 404 is no sign of it."""
    async with workspace(tmp_path, mode=mode, haltbot_public_url="https://haltbot.example.com") as work:
        here = f"http://127.0.0.1:{work.port}"
        settings = work.settings.model_copy(update={"haltbot_port": work.port, "haltbot_public_url": here})
        good = await check_http(settings)
        elsewhere = await check_http(
            settings.model_copy(update={"haltbot_public_url": work.vibecode.url, "haltbot_port": 1})
        )
        nowhere = await check_http(settings.model_copy(update={"haltbot_public_url": "http://127.0.0.1:1"}))

    assert ["ok", "ok"] == [finding.level for finding in good]
    assert ["warn", "fail"] == [finding.level for finding in elsewhere]
    assert "something else than Haltbot" in describe(elsewhere[1])
    assert ["ok", "fail"] == [finding.level for finding in nowhere]


async def test_a_bot_that_is_not_ready_is_named_with_what_is_away(tmp_path: Path):
    """Slack has not answered since the start."""
    async with workspace(tmp_path, start=False) as work:
        work.slack.fail("auth.test", "internal_error", times=99)
        await work.start()
        (finding,) = await check_http(work.settings.model_copy(update={"haltbot_port": work.port}))

    assert Level.FAIL is finding.level
    assert "slack" in describe(finding)


async def test_a_store_that_does_not_answer_is_named(idle: Workspace):
    """The rest is examined as far as it goes."""
    async with open_doctor(idle.settings) as doctor:
        await doctor._store.close()
        (finding,) = await doctor.check_database()

    assert (Level.FAIL, "database") == (finding.level, finding.check)


async def test_a_database_s_clock_that_is_off_is_named(idle: Workspace, tmp_path: Path):
    """Deadlines are the database's; people read their own clock."""
    async with open_doctor(idle.settings) as doctor:
        clock = Clock(int((time.time() - 60) * 1000))
        async with await open_sqlite(tmp_path / "late.db", owner="late", clock=clock) as late:
            doctor._store = late
            found = {finding.check: finding for finding in await doctor.check_database()}

    assert "60 s away" in describe(found["database.clock"])


@contextlib.asynccontextmanager
async def open_store_of(work: Workspace) -> AsyncIterator[Store]:
    store = await open_store(work.settings.database_url, owner="test", shared=True)
    try:
        yield store
    finally:
        await store.close()
