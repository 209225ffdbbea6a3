"""A database that cannot be where the settings say is told, and none is made by mistake."""

import errno
import io
import os
import pwd
from pathlib import Path

import pytest
from processes import haltbot

from bot.cli import main as cli
from bot.config.settings import SettingsInvalid, StorageSettings, load
from bot.domain.errors import StoreError
from bot.store.database_file import check_path
from bot.store.postgres import open_postgres


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("sqlite:////proc/x.db", "the folder /proc cannot be written ("),
        ("sqlite:////tmp", "/tmp is a folder"),
        (f"sqlite:///{'x' * 300}", f"{'x' * 300} cannot be reached (File name too long)"),
    ],
)
def test_a_place_where_no_database_can_be_is_named(monkeypatch, capsys, url, told):
    """For the database and for the key file that would go beside it."""
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setattr("os.access", lambda path, _: str(path) != "/proc")
    monkeypatch.setattr("sys.stdin", io.StringIO("vibe_api_0123456789abcdef"))

    assert 1 == cli.run(["key", "set", "--team", "T1", "--channel", "C1"])
    assert f"DATABASE_URL: {told}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["key", "list"],
        ["key", "remove", "--team", "T1", "--channel", "C1"],
        ["key", "rotate"],
        ["audit", "export"],
        ["audit", "show", "abc"],
        ["channel", "show", "--team", "T1", "--channel", "C1"],
        ["channel", "set", "--team", "T1", "--channel", "C1", "portal="],
        ["backup", "backup.db"],
        ["migrate", "--to", "postgresql://host/name"],
    ],
)
def test_only_the_bot_and_the_first_key_make_a_database(tmp_path, capsys, arguments):
    """In the wrong folder an empty one would look like a lost one."""
    code = cli.run(arguments)
    said = capsys.readouterr()

    assert (1, "") == (code, said.out)
    assert (
        f"DATABASE_URL: there is no database at {tmp_path}/haltbot.db (a relative path starts at the current"
        " folder)" in said.err
    )
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(("flags", "why"), [(os.ST_RDONLY, errno.EROFS), (0, errno.EACCES)])
def test_what_keeps_it_from_being_written_is_told(tmp_path, monkeypatch, flags, why):
    """A container's file system is often read-only."""
    here = os.statvfs(tmp_path)
    monkeypatch.setattr("os.access", lambda *_: False)
    monkeypatch.setattr("os.statvfs", lambda _: os.statvfs_result([*here[:8], flags, here[9]]))

    with pytest.raises(SettingsInvalid) as invalid:
        check_path(Path("haltbot.db"), may_create=True)

    assert f"DATABASE_URL: the folder {tmp_path} cannot be written ({os.strerror(why)})" == str(invalid.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize(
    ("owner", "told"), [(pwd.getpwnam("nobody").pw_uid, "nobody"), (4711, "the user with the number 4711")]
)
def test_whoever_it_belongs_to_is_named(tmp_path, monkeypatch, owner, told):
    """A service's user may exist, and so have a name, only while the service runs."""
    os.chown(tmp_path, owner, -1)
    monkeypatch.setattr("os.access", lambda *_: False)

    with pytest.raises(SettingsInvalid, match=f"It belongs to {told}: run this as that user, or as root"):
        check_path(Path("haltbot.db"), may_create=True)


async def test_what_stands_in_a_file_is_applied_to_a_database_that_is_there(tmp_path):
    """Otherwise the settings would be in a database that no bot uses."""
    (tmp_path / "channels.yaml").write_text("channels: [{team: T1, channel: C1, portal: null}]")
    finished = await haltbot("channel", "apply", "channels.yaml")

    assert (1, "") == (finished.code, finished.out)
    assert "there is no database at" in finished.err
    assert not (tmp_path / "haltbot.db").exists()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("sqlite:///:memory:", "DATABASE_URL: needs a file"),
        ("sqlite:///", "DATABASE_URL: must be sqlite:///FILE or postgresql://…; the file's name is missing"),
        ("sqlite:/// ", "DATABASE_URL: must be sqlite:///FILE or postgresql://…; the file's name is missing"),
    ],
)
def test_what_names_no_file_is_refused(monkeypatch, url, told):
    """What is kept in memory alone is kept by nobody."""
    monkeypatch.setenv("DATABASE_URL", url)

    with pytest.raises(SettingsInvalid) as invalid:
        load(StorageSettings)

    assert str(invalid.value).startswith(told)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://haltbot:s3cr%zzet@db.invalid/x",
        "postgresql://haltbot:pa s3cr@db.invalid/x",
        "postgresql://haltbot:p@s3cr@db.invalid/x",
        "postgresql://haltbot:p/s3cr@db.invalid/x",
        "postgresql://haltbot:p#s3cr@db.invalid/x",
        "postgresql://haltbot:s3cr/x",
        "postgresql://haltbot:s3cr%00@db.invalid/x",
        "postgresql://haltbot:s3cr%ff@db.invalid/x",
        "postgresql://haltbot:x@[s3cr/x",
    ],
)
def test_no_part_of_a_password_is_shown(monkeypatch, url):
    """A driver would repeat what it does not understand; so the address is judged before."""
    monkeypatch.setenv("DATABASE_URL", url)

    with pytest.raises(SettingsInvalid, match=r"DATABASE_URL: .*@ is %40") as invalid:
        load(StorageSettings)

    assert "s3cr" not in str(invalid.value)


@pytest.mark.parametrize("password", ["s3cr%zzet", "pa s3cr", "p@s3cr"])
async def test_neither_the_bot_nor_the_doctor_shows_a_password(password):
    """Nor does a move, to which the address is an argument."""
    url = f"postgresql://haltbot:{password}@db.invalid/x"
    environment = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "DATABASE_URL": url}
    finished = [await haltbot(command, environment=environment) for command in ("run", "doctor")]
    finished.append(await haltbot("migrate", "--to", url))

    assert [1, 1, 1] == [one.code for one in finished]
    for one in finished:
        assert "@ is %40" in one.out + one.err
        assert not any(part in one.out + one.err for part in ("s3cr", "zzet", '"pa', "'p"))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://haltbot:p%40ss%25@db.example.com:5432/haltbot?sslmode=require",
        "postgres://haltbot:a:b=c+d@[::1]:5432,second:5433/haltbot",
        "postgresql:///haltbot?host=/var/run/postgresql",
        "postgresql://haltbot@%2Fvar%2Frun/haltbot",
        "postgresql://",
    ],
)
def test_what_postgresql_understands_is_accepted(monkeypatch, url):
    """Several servers, a socket, a password that is encoded."""
    monkeypatch.setenv("DATABASE_URL", url)

    assert url == load(StorageSettings).database_url


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://u:s3cr@127.0.0.1:1/x", "the server cannot be reached (connection refused)"),
        ("postgresql://u:x@127.0.0.1/x?sslmode=s3cr", "no encrypted connection could be made"),
        ("postgresql://u:x@127.0.0.1/x?password=a&s3cr", "the address cannot be used"),
    ],
)
async def test_a_server_that_cannot_be_reached_is_told_in_our_words(url, told):
    """What the driver says about the address is not passed on."""
    with pytest.raises(StoreError) as failure:
        await open_postgres(url, owner="one")

    assert told in str(failure.value)
    assert "s3cr" not in str(failure.value)
