"""``haltbot migrate``: every row arrives, interrupted or not, and only once."""

import asyncio
import base64
import secrets
import sqlite3

import pytest
from processes import haltbot
from store.examples import a_key, a_line, asked, finished, running, submitted

from bot.domain.errors import StoreError
from bot.store.sqlite import open_sqlite

pytest.importorskip("psycopg", reason="left out: the extra postgres is not installed")

from bot.operations import migration
from bot.store.postgres import open_postgres, prepare_postgres


@pytest.fixture(name="source")
async def _source(tmp_path):
    """An embedded installation with a key, settings, open and ended terminations and their audit."""
    path = tmp_path / "haltbot.db"
    async with await open_sqlite(path, owner="one") as store:
        await store.put_channel_key(a_key(), a_line("key_set"))
        await store.replace_settings("T1", "C1", {}, {"portal": "https://é.example"}, a_line("settings"))
        await store.block("key", 60_000)
        await asked(store)
        for _ in range(3):
            await finished(store, await running(store))
        await asyncio.gather(*(submitted(store, reason="„warum“ 💥") for _ in range(20)))
        # A bot that is stopped gives back what it has.
        await store.release()
    return path


def command(source, url):
    environment = {"DATABASE_URL": f"sqlite:///{source}"}
    return haltbot("migrate", "--to", url, environment=environment)


async def everything(store):
    lines = [dict(line) async for line in store.events()]
    jobs = {name: await store.find(name) for name in {line["reference"] for line in lines} if name}
    return lines, jobs, await store.channel_keys(), await store.settings("T1", "C1")


async def test_everything_arrives(source, postgres_url):
    """The audit, open and ended terminations, keys and settings; the old file is set aside, and counting goes on."""
    async with await open_sqlite(source, owner="one", exclusive=False) as store:
        before = await everything(store)

    moved = await command(source, postgres_url)

    async with await open_postgres(postgres_url, owner="two") as store:
        lines, jobs, keys, settings = await everything(store)
        assert before == (lines, jobs, keys, settings)
        assert await store.pace("key", 5) > 50_000
        await store.record(a_line("later"))
        *_, later = [line async for line in store.events()]
        assert len(await store.claim(100)) == 21
    assert 0 == moved.code, moved.err
    assert lines[-1]["seq"] + 1 == later["seq"]
    assert f"event: {len(lines)} of {len(lines)}, each compared" in moved.err
    assert not source.exists()
    assert source.with_name("haltbot.db.moved").exists()
    assert ["haltbot.db.lock", "haltbot.db.moved"] == sorted(
        p.name for p in source.parent.glob("haltbot.db*")
    )


async def test_an_interrupted_move_goes_on(source, postgres_url):
    """What arrived is compared, what changed meanwhile is brought over, and until the end no bot starts there."""
    await prepare_postgres(postgres_url)
    said = []

    def interrupt(line):
        said.append(line)
        if line == "event: 10 of 26":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await asyncio.to_thread(migration.move, source, postgres_url, interrupt, chunk=5)
    with pytest.raises(StoreError, match="run haltbot migrate to its end"):
        await open_postgres(postgres_url, owner="two")
    async with await open_sqlite(source, owner="one") as store:
        for job in await store.claim(2):
            await finished(store, job)
        before = await everything(store)
    moved = await command(source, postgres_url)

    assert 0 == moved.code, moved.err
    async with await open_postgres(postgres_url, owner="two") as store:
        assert before == await everything(store)


async def test_a_move_that_ended_before_its_last_step_is_finished(source, postgres_url):
    """All is there, and only the old file has kept its name: the same command gives it the other one."""
    await prepare_postgres(postgres_url)
    await asyncio.to_thread(migration.move, source, postgres_url, print)

    moved = await command(source, postgres_url)

    assert 0 == moved.code, moved.err
    assert not source.exists()
    assert source.with_name("haltbot.db.moved").exists()


async def test_a_move_is_not_made_twice(source, postgres_url):
    """Bots have worked on the new database since; the old file is no longer the truth."""
    await prepare_postgres(postgres_url)
    await asyncio.to_thread(migration.move, source, postgres_url, print)
    async with await open_postgres(postgres_url, owner="two") as store:
        await store.record(a_line("later"))

    moved = await command(source, postgres_url)

    assert 1 == moved.code
    assert "has taken over an installation already" in moved.err
    assert source.exists()


async def test_it_refuses_while_the_bot_runs(source, postgres_url):
    """The file's lock tells."""
    async with await open_sqlite(source, owner="one"):
        moved = await command(source, postgres_url)

    assert 1 == moved.code
    assert "another Haltbot is using" in moved.err
    assert source.exists()


async def test_it_refuses_a_database_that_is_in_use(source, postgres_url):
    """Two installations are never mixed."""
    async with await open_postgres(postgres_url, owner="two") as store:
        await store.record(a_line())

    moved = await command(source, postgres_url)

    assert 1 == moved.code
    assert "its table event is not empty" in moved.err
    assert source.exists()


async def test_it_moves_once(source, postgres_url, tmp_path):
    """A second installation does not go over the first one."""
    await command(source, postgres_url)
    async with await open_sqlite(source, owner="one") as store:
        await store.record(a_line())

    again = await command(source, postgres_url)

    assert 1 == again.code
    assert "taken over an installation already" in again.err


async def test_what_is_not_the_same_at_the_end_is_told(source, postgres_url):
    """A line of the audit that differs is never replaced."""
    await prepare_postgres(postgres_url)

    def change(line):
        if line.startswith("channel: 1 of 1, each"):
            import psycopg  # noqa: PLC0415 (an optional extra)

            with psycopg.connect(postgres_url) as connection:
                connection.execute(
                    'INSERT INTO event (seq, at, event, team, channel, "user", force, reason, detail)'
                    " OVERRIDING SYSTEM VALUE VALUES (3, 0, 'forged', '', '', '', 0, '', '{}')"
                )

    with pytest.raises(migration.CannotMove, match="says something else"):
        await asyncio.to_thread(migration.move, source, postgres_url, change)


async def test_a_row_too_many_is_told(source, postgres_url):
    """The count is compared as well."""
    await prepare_postgres(postgres_url)

    def add(line):
        if line.startswith("bucket: 1 of 1, each"):
            import psycopg  # noqa: PLC0415 (an optional extra)

            with psycopg.connect(postgres_url) as connection:
                connection.execute(
                    'INSERT INTO event (seq, at, event, team, channel, "user", force, reason, detail)'
                    " OVERRIDING SYSTEM VALUE VALUES (999, 0, 'forged', '', '', '', 0, '', '{}')"
                )

    with pytest.raises(migration.CannotMove, match="not the same on both sides"):
        await asyncio.to_thread(migration.move, source, postgres_url, add)


async def test_a_database_that_does_not_answer_is_a_sentence(source):
    """The old one is as it was."""
    moved = await command(source, "postgresql://haltbot@127.0.0.1:1/none")

    assert 1 == moved.code
    assert "Traceback" not in moved.err
    assert source.exists()


@pytest.mark.parametrize(
    ("database", "to", "said"),
    [
        ("postgresql://h/d", "postgresql://h/d", "it is PostgreSQL already"),
        ("sqlite:///none.db", "postgresql://h/d", "there is no database at /"),
        ("sqlite:///none.db", "mysql://h/d", "--to: must be postgresql://"),
    ],
)
async def test_what_cannot_be_moved_is_said(database, to, said):
    """Before anything is touched."""
    moved = await haltbot("migrate", "--to", to, environment={"DATABASE_URL": database})

    assert 1 == moved.code
    assert said in moved.err


async def test_the_key_file_is_named(source, postgres_url):
    """PostgreSQL has no file beside it, so the replicas are given the key as a setting."""
    source.with_name("haltbot.db.key").write_text(base64.b64encode(secrets.token_bytes(32)).decode())

    moved = await command(source, postgres_url)

    assert "HALTBOT_ENCRYPTION_KEYS" in moved.out


async def test_an_interrupted_copy_says_how_to_go_on(source, postgres_url):
    """Whatever the databases refuse is a sentence; here a table that the new one does not know."""
    await prepare_postgres(postgres_url)
    with sqlite3.connect(source) as old:
        old.execute("CREATE TABLE later (id TEXT PRIMARY KEY)")
    old.close()

    with pytest.raises(
        migration.CannotMove, match=r'interrupted: relation "later" does not exist\. Run the same command'
    ):
        await asyncio.to_thread(migration.move, source, postgres_url, print)
