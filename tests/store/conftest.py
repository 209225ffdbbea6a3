"""Every store there is, behind one fixture, so that one suite states what all of them do."""

import os
from contextlib import AsyncExitStack

import pytest
from store.postgres_server import NotInstalled, running_postgres

from bot.store.sqlite import open_sqlite


@pytest.fixture(scope="session", name="postgres_server")
def _postgres_server():
    """PostgreSQL, where the machine has it; REQUIRE_POSTGRES=1 says that it must have it."""
    try:
        import psycopg  # noqa: F401, PLC0415 (an optional extra)

        with running_postgres() as server:
            yield server
    except (ImportError, NotInstalled) as missing:
        reason = f"left out: {missing}"
        if os.environ.get("REQUIRE_POSTGRES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(name="postgres_url")
def _postgres_url(postgres_server):
    """An empty database of its own."""
    import psycopg  # noqa: PLC0415 (an optional extra)

    options = "-c statement_timeout=60s"
    with psycopg.connect(postgres_server.url(), autocommit=True, options=options) as connection:
        connection.execute("DROP DATABASE IF EXISTS haltbot WITH (FORCE)")
        connection.execute("CREATE DATABASE haltbot")
    return postgres_server.url("haltbot")


@pytest.fixture(name="store_factory", params=["sqlite", "postgres"])
async def _store_factory(request, tmp_path):
    """Open the same data again and again, each time as the owner that is asked for."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""

    async def open_store(owner="one", *, lease_ms=15_000):
        if request.param == "sqlite":
            path = tmp_path / "haltbot.db"
            store = await open_sqlite(path, owner=owner, lease_ms=lease_ms, exclusive=False)
        else:
            from bot.store.postgres import open_postgres  # noqa: PLC0415 (an optional extra)

            store = await open_postgres(url, owner=owner, lease_ms=lease_ms)
        return await opened.enter_async_context(store)

    async with AsyncExitStack() as opened:
        yield open_store


@pytest.fixture(name="store")
async def _store(store_factory):
    return await store_factory()
