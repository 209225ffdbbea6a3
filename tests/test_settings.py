"""A setting that is wrong is named at the start, with what it needs, and no value is shown."""

import base64
import errno
import os
import re
from pathlib import Path

import pytest
from processes import haltbot
from sources import SOURCES

from bot.cli import main as cli
from bot.config.settings import (
    Settings,
    SettingsInvalid,
    StorageSettings,
    load,
    sqlite_path,
    unknown_variables,
)
from bot.store.opening import open_store, open_vault

ROOT = Path(__file__).parent.parent
GOOD = {
    "SLACK_BOT_TOKEN": "xoxb-1111-private",
    "SLACK_APP_TOKEN": "xapp-2222-private",
    "SLACK_SIGNING_SECRET": "3333-private",
}


@pytest.fixture(name="environment")
def _environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_the_defaults_are_those_of_the_page(environment, monkeypatch):
    """A token is enough to start."""
    monkeypatch.delenv("VIBECODE_API_URL")
    settings = load(Settings)

    assert settings.socket_mode
    assert "sqlite:///haltbot.db" == settings.database_url
    assert (300, 300, 5) == (
        settings.haltbot_confirmation_seconds,
        settings.haltbot_watch_seconds,
        settings.haltbot_vibecode_rate,
    )
    assert ("127.0.0.1", 3000) == (settings.haltbot_host, settings.haltbot_port)
    assert "https://vibecode.bitrix24.tech" == settings.vibecode_api_url


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SLACK_BOT_TOKEN", "xoxp-private"),
        ("SLACK_BOT_TOKEN", ""),
        ("SLACK_APP_TOKEN", "xoxb-private"),
        ("VIBECODE_TIMEOUT_SECONDS", "60.private"),
        ("VIBECODE_TIMEOUT_SECONDS", "13"),
        ("VIBECODE_CONNECT_SECONDS", "0"),
        ("HALTBOT_CONFIRMATION_SECONDS", "0"),
        ("HALTBOT_CONFIRMATION_SECONDS", "private"),
        ("HALTBOT_WATCH_SECONDS", "-1"),
        ("HALTBOT_VIBECODE_RATE", "0"),
        ("HALTBOT_PORT", "70000"),
        ("HALTBOT_OWNERS", "private"),
        ("HALTBOT_LOG_LEVEL", "private"),
        ("SLACK_API_URL", "slack.private"),
        ("VIBECODE_API_URL", "vibecode.private"),
        ("DATABASE_URL", "mysql://user:private@host/db"),
        ("DATABASE_URL", "sqlite:///"),
    ],
)
def test_a_bad_setting_is_named_and_not_shown(environment, name, value):
    """The line begins with the variable; nothing that was given is repeated."""
    environment.setenv(name, value)

    with pytest.raises(SettingsInvalid) as invalid:
        load(Settings)

    lines = str(invalid.value).splitlines()
    assert [name] == [line.partition(":")[0] for line in lines]
    assert "private" not in str(invalid.value)


@pytest.mark.parametrize(
    ("name", "value", "needed"),
    [
        ("SLACK_BOT_TOKEN", "", "is not set; haltbot setup makes it"),
        ("SLACK_BOT_TOKEN", "xoxb-", "is still the example's; put your own"),
        ("SLACK_APP_TOKEN", "xapp-", "is still the example's; put your own"),
        ("HALTBOT_SOFT_FIRST", "perhaps", "must be true or false"),
        ("HALTBOT_PORT", "high", "must be a whole number"),
        ("HALTBOT_PORT", "70000", "must be at most 65535"),
        ("HALTBOT_CONFIRMATION_SECONDS", "0", "must be at least 1"),
        ("VIBECODE_TIMEOUT_SECONDS", "long", "must be a number"),
        ("HALTBOT_VIBECODE_RATE", "0", "must be more than 0"),
        (
            "HALTBOT_ENCRYPTION_KEYS",
            "c2hvcnQ=",
            "must be base64 of 32 bytes each, separated by commas; make one with: openssl rand -base64 32",
        ),
    ],
)
def test_what_is_needed_is_said_in_plain_words(environment, name, value, needed):
    """Not in those of a library."""
    environment.setenv(name, value)

    with pytest.raises(SettingsInvalid) as invalid:
        load(Settings)

    assert f"{name}: {needed}" == str(invalid.value)


def test_a_variable_that_is_none_is_found(environment, tmp_path):
    """A slip in a name is without effect, in the environment and in .env."""
    environment.setenv("HALTBOT_PROT", "3001")
    environment.setenv("HALTBOT_PORT", "3001")
    (tmp_path / ".env").write_text("HALTBOT_OWNER=U1\n")

    assert ["HALTBOT_OWNER", "HALTBOT_PROT"] == unknown_variables()


def test_every_bad_setting_is_named_at_once(environment):
    """Nobody mends one after the other."""
    environment.delenv("SLACK_BOT_TOKEN")
    environment.setenv("HALTBOT_PORT", "x")
    environment.setenv("HALTBOT_WATCH_SECONDS", "y")

    with pytest.raises(SettingsInvalid) as invalid:
        load(Settings)

    assert {"SLACK_BOT_TOKEN", "HALTBOT_PORT", "HALTBOT_WATCH_SECONDS"} == {
        line.partition(":")[0] for line in str(invalid.value).splitlines()
    }


def test_nothing_at_all_names_everything_at_once(monkeypatch):
    """The bot's token, and one of the two ways in which Slack reaches it."""
    for name in GOOD:
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(SettingsInvalid) as invalid:
        load(Settings)

    assert ["SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET"] == [
        line.partition(":")[0] for line in str(invalid.value).splitlines()
    ]


COMMANDS = [
    ("run",),
    ("doctor",),
    ("key", "list"),
    ("setup",),
    ("channel", "show", "--team", "T1", "--channel", "C1"),
]


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_file_that_is_no_text_is_a_sentence(command, tmp_path):
    """An editor may have written UTF-16."""
    (tmp_path / ".env").write_text("SLACK_BOT_TOKEN=xoxb-private\n", encoding="utf-16")
    finished = await haltbot(*command)

    assert 1 == finished.code
    assert ".env: is not UTF-8 text" in finished.out + finished.err
    assert "Traceback" not in finished.err
    assert "private" not in finished.out + finished.err


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_folder_in_the_place_of_the_file_is_a_sentence(command, tmp_path):
    """As a container makes it, if it is told to mount a file that is not there."""
    (tmp_path / ".env").mkdir()
    finished = await haltbot(*command)

    assert 1 == finished.code
    assert ".env: is a folder" in finished.out + finished.err
    assert "Traceback" not in finished.err


def test_a_file_that_may_not_be_read_is_a_sentence(environment, tmp_path):
    """It belongs to somebody else, perhaps to root."""
    (tmp_path / ".env").write_text("HALTBOT_PORT=3001\n")

    def refuse(*_: object, **__: object) -> object:
        raise PermissionError(errno.EACCES, "Permission denied")

    # Nobody is refused anything as root, so the library's own reading is.
    environment.setattr("pydantic_settings.sources.providers.dotenv.dotenv_values", refuse)
    with pytest.raises(SettingsInvalid, match=r"\.env: cannot be read \(Permission denied\)"):
        load(Settings)


def test_an_editor_s_mark_is_no_part_of_the_first_name(environment, tmp_path):
    """UTF-8 with a mark at the beginning is what some editors write."""
    (tmp_path / ".env").write_text("HALTBOT_PORT=3001\n", encoding="utf-8-sig")

    assert 3001 == load(Settings).haltbot_port


@pytest.mark.parametrize(("name", "helped"), [("SLACK_BOT_TOKEN", True), ("HALTBOT_PORT", False)])
async def test_setup_is_recommended_for_what_it_asks_for(environment, name, helped):
    """It knows no port."""
    environment.setenv(name, "private")
    finished = await haltbot("doctor")

    assert f"{name}: " in finished.out
    assert helped == ("haltbot setup helps" in finished.out)


def test_one_way_in_is_needed(environment):
    """Neither Socket Mode nor HTTP: the sentence names both variables."""
    environment.delenv("SLACK_APP_TOKEN")
    environment.delenv("SLACK_SIGNING_SECRET")

    with pytest.raises(SettingsInvalid, match=r"SLACK_APP_TOKEN.*SLACK_SIGNING_SECRET"):
        load(Settings)


def test_without_an_app_token_it_is_http(environment):
    """The signing secret is what HTTP needs."""
    environment.delenv("SLACK_APP_TOKEN")

    assert not load(Settings).socket_mode


def test_no_repr_shows_a_secret(environment):
    """Settings may be printed."""
    environment.setenv("HALTBOT_ENCRYPTION_KEYS", base64.b64encode(b"private!" * 4).decode())
    settings = load(Settings)

    shown = repr(settings) + str(settings)
    assert [] == [secret for secret in settings.secrets() if secret in shown]
    assert 4 == len(settings.secrets())


@pytest.mark.parametrize(
    ("url", "passwords"),
    [
        (
            "postgresql://haltbot:geheim%40db@db/haltbot?sslpassword=anderes",
            {"geheim%40db", "geheim@db", "anderes"},
        ),
        ("postgresql://db/haltbot?user=haltbot&password=geheim%40db", {"geheim%40db", "geheim@db"}),
        ("postgresql://haltbot:ge[heim@db/haltbot", {"ge[heim"}),
    ],
)
def test_the_database_s_password_is_a_secret(environment, url, passwords):
    """Wherever the address holds it, and however it is written."""
    environment.setenv("HALTBOT_ENCRYPTION_KEYS", base64.b64encode(b"private!" * 4).decode())
    environment.setenv("DATABASE_URL", url)
    settings = load(Settings)

    shown = "".join(repr(each) + str(each) for each in (settings, load(StorageSettings)))
    assert [] == [password for password in passwords if password in shown]
    assert passwords <= {*settings.secrets()}


def test_settings_do_not_change(environment):
    """What was read at the start stands."""
    settings = load(Settings)

    with pytest.raises(ValueError, match="frozen"):
        settings.haltbot_port = 1


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///haltbot.db", Path("haltbot.db")),
        ("sqlite:////var/lib/haltbot.db", Path("/var/lib/haltbot.db")),
        ("postgresql://host/db", None),
        ("postgres://host/db", None),
    ],
)
def test_a_database_is_a_file_or_postgresql(url, path):
    """Three slashes and a path, as elsewhere; four for an absolute one."""
    assert path == sqlite_path(url)


def test_a_database_of_another_kind_is_refused():
    """The address may hold a password, so it is not repeated."""
    with pytest.raises(SettingsInvalid, match="DATABASE_URL: must be") as invalid:
        sqlite_path("mysql://user:private@host/db")

    assert "private" not in str(invalid.value)


def test_a_database_that_cannot_be_opened_is_refused(tmp_path, monkeypatch, capsys):
    """The folder is missing: a sentence, no traceback, and nothing of starting where nothing starts."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/no/such/x.db")
    code = cli.run(["key", "list"])

    assert 1 == code
    assert (
        f"Please correct:\nDATABASE_URL: the folder {tmp_path}/no/such does not exist\n"
        == capsys.readouterr().err
    )


def test_encryption_keys_that_are_none_are_named(environment):
    """Also when only some of them are wrong."""
    environment.setenv("HALTBOT_ENCRYPTION_KEYS", "private")

    with pytest.raises(SettingsInvalid, match=r"\AHALTBOT_ENCRYPTION_KEYS: ") as invalid:
        open_vault(load(StorageSettings))

    assert "private" not in str(invalid.value)


def test_postgresql_needs_encryption_keys(environment):
    """Replicas must share them, so no file is made."""
    environment.setenv("DATABASE_URL", "postgresql://host/db")

    with pytest.raises(SettingsInvalid, match="HALTBOT_ENCRYPTION_KEYS: needed with PostgreSQL"):
        open_vault(load(StorageSettings))


def test_the_bot_does_not_start_with_a_bad_setting(monkeypatch, capsys):
    """The exit code tells a supervisor, the sentence tells the person; no value is shown."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxp-private")
    monkeypatch.setenv("HALTBOT_PORT", "private")
    code = cli.run(["run"])
    said = capsys.readouterr()

    assert 1 == code
    assert "Haltbot cannot start; please correct these settings:" in said.err
    assert "SLACK_BOT_TOKEN: " in said.err
    assert "HALTBOT_PORT: " in said.err
    assert "private" not in said.err + said.out


def variables() -> set[str]:
    return {name.upper() for name in Settings.model_fields}


def test_the_example_lists_every_variable():
    """Each once, with or without a mark of comment."""
    listed = re.findall(r"^(?:# ?)?([A-Z][A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)

    assert sorted(variables()) == sorted(listed)


def test_the_page_has_a_row_for_every_variable():
    """The table of settings cannot lie: one row for each, with its default."""
    rows = dict(
        re.findall(r"^\| `([A-Z][A-Z_]+)` \|(.*)$", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE)
    )

    assert variables() == rows.keys() & variables()
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, int | float | str):
            shown = str(field.default)
            assert (shown.lower() if isinstance(field.default, bool) else shown) in rows[name.upper()], name


def test_only_the_settings_read_the_environment():
    """Nothing else in the product looks at it, so the table is complete."""
    assert [] == [path.name for path in SOURCES if re.search(r"os\.environ|getenv", path.read_text())]


async def test_a_file_named_env_is_read(environment, tmp_path):
    """The folder's .env fills in what the environment does not say."""
    environment.delenv("SLACK_BOT_TOKEN")
    (tmp_path / ".env").write_text("SLACK_BOT_TOKEN=xoxb-of-the-file\nHALTBOT_PORT=3001\n")
    settings = load(Settings)

    assert Path.cwd() == tmp_path
    assert "SLACK_BOT_TOKEN" not in os.environ
    assert ("xoxb-of-the-file", 3001) == (settings.slack_bot_token.get_secret_value(), settings.haltbot_port)


async def test_a_second_bot_on_the_same_file_is_refused(tmp_path):
    """Two processes would both answer: the second one says so and ends."""
    store = await open_store(f"sqlite:///{tmp_path}/haltbot.db", owner="first")
    try:
        finished = await haltbot("run", environment=GOOD | {"HALTBOT_PORT": "0"})
    finally:
        await store.close()

    assert 1 == finished.code
    assert "Traceback" not in finished.err
    assert "private" not in finished.err
