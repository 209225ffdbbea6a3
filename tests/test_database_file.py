"""A database that cannot be where the settings say is told, and none is made by mistake."""

import errno
import io
import os
from pathlib import Path

import pytest

from bot.cli import main as cli
from bot.config import SettingsInvalid
from bot.database_file import examine


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
    ],
)
def test_reading_makes_no_database(tmp_path, capsys, arguments):
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
    """A container's file system is often read-only; a folder may be somebody else's."""
    here = os.statvfs(tmp_path)
    monkeypatch.setattr("os.access", lambda *_: False)
    monkeypatch.setattr("os.statvfs", lambda _: os.statvfs_result([*here[:8], flags, here[9]]))

    with pytest.raises(SettingsInvalid) as invalid:
        examine(Path("haltbot.db"), may_create=True)

    assert f"DATABASE_URL: the folder {tmp_path} cannot be written ({os.strerror(why)})" == str(invalid.value)
