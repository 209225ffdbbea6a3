"""Backup: taken while the bot works, whole, private, and verified by a restore."""

import sqlite3
import stat
from pathlib import Path

import pytest
from processes import haltbot
from workspace import workspace

from bot.messages.termination import KEEP_RUNNING
from bot.operations.backup import BackupFailed, back_up
from sandbox.vibecode import Step


async def back_up_by_command(work, target: Path):
    return await haltbot("backup", str(target), environment={"DATABASE_URL": work.settings.database_url})


def backups(folder: Path) -> list[Path]:
    """What a backup left behind, finished or not."""
    return list(folder.glob("backup*"))


async def test_a_restored_backup_goes_on_where_it_was_taken(tmp_path: Path):
    """The bot works on meanwhile; the restored one knows the question that stood then, and its key."""
    target = tmp_path / "backup.db"
    async with workspace(tmp_path) as work:
        stuck = work.vibecode.start_instance(stuck=True)
        await work.command(f"{stuck} force loops")
        await work.told("*Force-terminate")
        taken = await back_up_by_command(work, target)
        await work.click(KEEP_RUNNING)
        await work.told("*Kept running")
        await work.stop()

        restoring = await haltbot(
            "restore", str(target), environment={"DATABASE_URL": work.settings.database_url}
        )
        await work.start()
        again = work.vibecode.start_instance(steps=[Step(3600, locked=False)])
        await work.slack.command(
            work.requester, work.slack.add_channel("other"), "/terminate-workflow", again
        )
        restored = await work.events()

    assert (0, "") == (taken.code, taken.err)
    assert f"haltbot restore {target}" in taken.out
    assert (0, "") == (restoring.code, restoring.err)
    assert ["requested"] == restored[:1]
    assert "cancelled" not in restored


async def test_a_backup_is_readable_by_its_owner_alone(tmp_path: Path):
    """It holds sealed keys and the audit."""
    target = tmp_path / "backup.db"
    async with workspace(tmp_path) as work:
        finished = await back_up_by_command(work, target)

    assert 0 == finished.code
    assert 0o600 == stat.S_IMODE(target.stat().st_mode)
    assert [target] == backups(tmp_path)
    with sqlite3.connect(target) as copy:
        assert ("ok",) == copy.execute("PRAGMA integrity_check").fetchone()
        assert ("delete",) == copy.execute("PRAGMA journal_mode").fetchone()
    copy.close()


async def test_nothing_is_ever_overwritten(tmp_path: Path):
    """Neither a former backup nor anything else."""
    target = tmp_path / "backup.db"
    target.write_text("precious")
    async with workspace(tmp_path, start=False) as work:
        finished = await back_up_by_command(work, target)

    assert 1 == finished.code
    assert "never overwrites" in finished.err
    assert "precious" == target.read_text()


@pytest.mark.parametrize("name", ["missing.db", "text.db"])
def test_what_is_no_database_gives_no_backup(tmp_path: Path, name: str):
    """Neither does a folder that is not there; nothing is left behind."""
    (tmp_path / "text.db").write_text("no database" * 1000)
    before = set(tmp_path.iterdir())

    with pytest.raises(BackupFailed):
        back_up(tmp_path / name, tmp_path / "backup.db")

    assert before == set(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_named(tmp_path: Path):
    """The sentence says where it was to go."""
    with sqlite3.connect(tmp_path / "haltbot.db") as database:
        database.execute("CREATE TABLE anything (id)")
    database.close()

    with pytest.raises(BackupFailed, match=r"The folder .*/nowhere does not exist"):
        back_up(tmp_path / "haltbot.db", tmp_path / "nowhere" / "backup.db")


async def test_for_postgres_the_right_tool_is_named():
    """It has better ones than we could make."""
    finished = await haltbot("backup", "x.db", environment={"DATABASE_URL": "postgresql://h/d"})

    assert 1 == finished.code
    assert finished.err.startswith("An embedded database only. For PostgreSQL: pg_dump --format=custom")
