"""The key file beside an embedded database: made once, never replaced while something needs it."""

from pathlib import Path

from processes import haltbot

from bot.config.vault import key_file

KEY = "vibe_api_" + "0123456789abcdef" * 2
HERE = ("--team", "T0HALTBOT", "--channel", "C0OPS")


def test_the_key_file_is_made_once_and_for_its_owner_alone(tmp_path: Path):
    """The second start reads what the first one wrote."""
    path = tmp_path / "haltbot.db.key"

    assert key_file(path) == key_file(path)
    assert 0o600 == path.stat().st_mode & 0o777


async def test_a_lost_key_file_is_not_replaced(tmp_path: Path):
    """What it sealed would never open again; the way out is told, and it works."""
    key_file = tmp_path / "haltbot.db.key"
    await haltbot("key", "set", *HERE, stdin=KEY)
    lost = key_file.rename(tmp_path / "elsewhere")
    refused = [
        await haltbot("key", "set", *HERE, stdin=KEY),
        await haltbot("key", "rotate"),
        await haltbot("run", environment={"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}),
    ]
    made = key_file.exists()
    listed = await haltbot("key", "list")
    removed = await haltbot("key", "remove", *HERE)
    anew = await haltbot("key", "set", *HERE, stdin=KEY)

    for finished in refused:
        assert 1 == finished.code
        assert "DATABASE_URL: haltbot.db.key is missing, and haltbot.db holds keys" in finished.err
        assert "Traceback" not in finished.err
    assert not made
    assert "C0OPS" in listed.out
    assert [0, 0] == [removed.code, anew.code]
    assert lost.read_text() != key_file.read_text()


async def test_a_damaged_key_file_is_named(tmp_path: Path):
    """It is no setting that is wrong."""
    (tmp_path / "haltbot.db.key").write_text("")
    finished = await haltbot("key", "set", *HERE, stdin=KEY)

    assert 1 == finished.code
    assert "DATABASE_URL: the key file haltbot.db.key is damaged" in finished.err


async def test_a_key_file_that_cannot_be_read_is_named(tmp_path: Path):
    """With the system's own word."""
    (tmp_path / "haltbot.db.key").mkdir()
    finished = await haltbot("key", "set", *HERE, stdin=KEY)

    assert 1 == finished.code
    assert "DATABASE_URL: the key file haltbot.db.key cannot be used (Is a directory)" in finished.err


async def test_a_file_that_is_no_database_gets_no_key_file(tmp_path: Path):
    """What it once held may come back from a backup, and with it the need for its own key."""
    (tmp_path / "haltbot.db").write_bytes(b"not a database" * 100)
    finished = await haltbot("key", "set", *HERE, stdin=KEY)

    assert 1 == finished.code
    assert "haltbot.db cannot be read" in finished.err
    assert not (tmp_path / "haltbot.db.key").exists()
