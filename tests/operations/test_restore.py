"""Restore: what the backup had and nothing else, also after a crash; what was there before is kept."""

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from parts import changed
from processes import Finished, haltbot, running_bot
from store.examples import asked, finished, running, submitted
from workspace import Workspace, workspace

from bot.domain.errors import StoreError
from bot.domain.termination import Termination
from bot.operations.backup import RestoreFailed, back_up, restore
from bot.store.sqlite import open_sqlite
from bot.store.sqlite_file import lock_file, open_for_writing
from bot.store.store import SqlStore
from sandbox.vibecode import Step


async def run(work: Workspace, *arguments: str) -> Finished:
    return await haltbot(*arguments, environment={"DATABASE_URL": work.settings.database_url})


def content(folder: Path) -> dict[str, bytes]:
    """Every file but the lock's, which is empty and stays."""
    return {
        path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.suffix != ".lock"
    }


async def kept(store: SqlStore, termination: Termination) -> Termination:
    job = await store.find(termination.id)
    assert job is not None
    return job.termination


@pytest.fixture(name="database")
def _database(tmp_path: Path) -> Path:
    path = tmp_path / "haltbot.db"
    open_for_writing(path, adopt=False).close()
    return path


@pytest.fixture(name="saved")
def _saved(tmp_path: Path) -> Path:
    """What a backup is like, without its bot."""
    other, path = tmp_path / "other.db", tmp_path / "backup.db"
    open_for_writing(other, adopt=False).close()
    back_up(other, path)
    return path


async def test_after_a_crash_there_is_what_the_backup_had(tmp_path: Path):
    """The log that the killed bot leaves is not replayed into the restored file; it is kept with its own."""
    saved = tmp_path / "backup.db"
    async with workspace(tmp_path, mode="socket", start=False) as work:
        async with running_bot(work) as bot:
            await work.command(work.vibecode.start_instance(steps=[Step(3600, locked=False)]))
            await work.told("*Stopped")
            await run(work, "backup", str(saved))
            had = (await run(work, "audit", "export")).out
            refused = await run(work, "restore", str(saved))
            other = work.slack.add_channel("other")
            await work.slack.command(work.requester, other, "/terminate-workflow", "later")
            assert -signal.SIGKILL == await bot.stop(signal.SIGKILL)
        log = (tmp_path / "haltbot.db-wal").read_bytes()

        done = await run(work, "restore", str(saved))
        restored = (await run(work, "audit", "export")).out
        async with running_bot(work):
            pass
        back = await run(work, "restore", str(tmp_path / "haltbot.db.before-restore"))
        again = (await run(work, "audit", "export")).out

    assert (1, "stop it, then restore; nothing was changed" in refused.err) == (refused.code, True)
    assert log
    assert (0, "") == (done.code, done.err)
    assert "haltbot.db.before-restore" in done.out
    assert "haltbot.db.before-restore-wal" in done.out
    assert "haltbot.db.key is it" in done.out
    assert had == restored
    assert "refused:not_an_id" not in restored
    assert 0 == back.code
    assert "haltbot.db.before-restore-2" in back.out
    assert "refused:not_an_id" in again


async def test_what_was_about_to_be_called_is_looked_up_first(tmp_path: Path):
    """It may have been called since the backup was made, or the question been answered."""
    path, saved = tmp_path / "haltbot.db", tmp_path / "backup.db"
    async with await open_sqlite(path, owner="one") as store:
        waiting = (await submitted(store, run_here=False)).termination
        question = await asked(store)
    back_up(path, saved)

    restore(path, saved)

    async with await open_sqlite(path, owner="two") as store:
        distrusted = {"must_look": True, "unsure": True, "recovered": True}
        for known in (waiting, question):
            assert changed(known, **distrusted) == await kept(store, known)


def test_nothing_is_ever_deleted(database: Path, saved: Path):
    """Each restore keeps what it finds, under a name of its own."""
    first = database.read_bytes()
    Path(f"{database}-wal").write_bytes(b"a log of the old one")

    once, twice = restore(database, saved), restore(database, saved)

    assert [f"{database}.before-restore", f"{database}.before-restore-wal"] == [str(path) for path in once]
    assert [f"{database}.before-restore-2"] == [str(path) for path in twice]
    assert [first, b"a log of the old one"] == [path.read_bytes() for path in once]
    assert 0o600 == database.stat().st_mode & 0o777
    assert not Path(f"{database}-wal").exists()


def test_there_need_not_be_a_database(tmp_path: Path, saved: Path):
    """On a new machine there is none yet."""
    assert [] == restore(tmp_path / "haltbot.db", saved)
    assert (tmp_path / "haltbot.db").exists()


def test_behind_a_link_the_log_of_the_real_file_is_set_aside(tmp_path: Path, database: Path, saved: Path):
    """SQLite keeps its log beside what the link leads to."""
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.db"
    link.symlink_to(database)
    Path(f"{database}-wal").write_bytes(b"a log of the old one")

    restore(link, saved)

    assert link.is_symlink()
    assert not Path(f"{database}-wal").exists()


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda path: path.write_text("no database" * 1000), "file is not a database"),
        (lambda path: path.write_bytes(path.read_bytes()[:9000]), "malformed"),
        (lambda path: path.write_bytes(b""), "is no database of Haltbot"),
        (lambda path: path.unlink(), "There is no backup at"),
    ],
)
def test_what_is_no_sound_database_changes_nothing(database: Path, saved: Path, damage, told):
    """It is looked at before anything is touched."""
    damage(saved)
    before = content(database.parent)

    with pytest.raises(RestoreFailed, match=told):
        restore(database, saved)

    assert before == content(database.parent)


def test_a_newer_version_s_backup_is_refused(database: Path, saved: Path):
    """This version would not know what is in it."""
    with closing(sqlite3.connect(saved)) as db, db:
        db.execute("UPDATE _sqlite_migrations SET name = '9999_later' WHERE name = '0002_append_only'")
    before = content(database.parent)

    with pytest.raises(RestoreFailed, match="made by a newer Haltbot \\(9999_later\\)"):
        restore(database, saved)

    assert before == content(database.parent)


def test_neither_a_running_bot_nor_the_database_itself(database: Path, saved: Path):
    """Both are told, and nothing is changed."""
    with pytest.raises(RestoreFailed, match="is the database itself"):
        restore(database, database)
    lock = lock_file(database)
    try:
        with pytest.raises(RestoreFailed, match="A Haltbot is using"):
            restore(database, saved)
    finally:
        os.close(lock)


async def test_a_backup_has_to_be_named(database: Path):
    """There may be several."""
    finished = await haltbot("restore", environment={"DATABASE_URL": f"sqlite:///{database}"})

    assert 1 == finished.code
    assert "Name the backup: haltbot restore FILE" in finished.err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root works on what belongs to somebody else")
def test_what_root_restores_belongs_to_the_service(database: Path, saved: Path):
    """As which it runs again, and has to open what is there."""
    os.chown(database, 4711, 4712)

    restore(database, saved)

    for path in (database, Path(f"{database}.lock")):
        assert (4711, 4712) == (path.stat().st_uid, path.stat().st_gid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root works on what belongs to somebody else")
def test_where_there_was_no_database_the_folder_tells_whose_it_is(tmp_path: Path, saved: Path):
    """A new machine's, prepared for the service."""
    folder = tmp_path / "state"
    folder.mkdir()
    os.chown(folder, 4711, 4712)

    restore(folder / "haltbot.db", saved)

    assert 4711 == (folder / "haltbot.db").stat().st_uid


@pytest.mark.skipif(os.geteuid() != 0, reason="only root could give it away")
def test_nothing_behind_a_link_is_given_away(tmp_path: Path, database: Path, saved: Path):
    """The service may put what it likes into its folder."""
    os.chown(database, 4711, 4712)
    theirs = tmp_path / "shadow"
    theirs.write_text("root's")
    Path(f"{database}.lock").symlink_to(theirs)

    with pytest.raises(StoreError, match="cannot be opened"):
        restore(database, saved)

    assert 0 == theirs.stat().st_uid


@pytest.mark.skipif(os.geteuid() != 0, reason="only root works on what belongs to somebody else")
async def test_the_first_key_that_root_sets_makes_the_service_s_files(tmp_path: Path):
    """Before the service has ever run."""
    folder = tmp_path / "state"
    folder.mkdir()
    os.chown(folder, 4711, 4712)

    told = await haltbot(
        *("key", "set", "--team", "T1", "--channel", "C1"),
        environment={"DATABASE_URL": f"sqlite:///{folder / 'haltbot.db'}"},
        stdin="vibe_api_0123456789abcdef0123",
    )

    assert 0 == told.code, told.err
    assert {4711} == {path.stat().st_uid for path in folder.iterdir()}


async def test_for_postgres_the_right_tool_is_named():
    """It has better ones than we could make."""
    finished = await haltbot("restore", "x.db", environment={"DATABASE_URL": "postgresql://h/d"})

    assert 1 == finished.code
    assert "pg_restore brings back what pg_dump made" in finished.err


async def test_after_pg_restore_what_was_open_is_looked_up_first(postgres_url: str):
    """As after the restore of an embedded database; what has ended stays as it was told."""
    from bot.store.postgres import open_postgres  # noqa: PLC0415 (an optional extra)

    async with await open_postgres(postgres_url, owner="one") as store:
        waiting = (await submitted(store, run_here=False)).termination
        question = await asked(store)
        ended = await finished(store, await running(store))

    told = await haltbot("restore", environment={"DATABASE_URL": postgres_url})

    assert "2 termination(s) that were open" in told.out
    async with await open_postgres(postgres_url, owner="two") as store:
        distrusted = {"must_look": True, "unsure": True, "recovered": True}
        for known in (waiting, question):
            assert changed(known, **distrusted) == await kept(store, known)
        assert ended is not None
        assert ended.termination == await kept(store, ended.termination)
