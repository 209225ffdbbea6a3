"""Fixtures for the stories."""

import asyncio
import gc
import os
import threading
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import hypothesis
import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key
from workspace import Workspace, workspace

from bot.store.sqlite import open_sqlite
from bot.store.store import SqlStore

# The same examples in every run, however long the machine takes over one: a test that fails now and then is not
# believed when it fails.
hypothesis.settings.register_profile("haltbot", deadline=None, derandomize=True)
hypothesis.settings.load_profile("haltbot")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Before a test that hangs is ended, tell what its tasks wait for: a thread's stack only shows the event loop."""
    limit = float(item.config.getini("faulthandler_timeout"))
    telling = threading.Timer(0.9 * limit, _tell_tasks, [item])
    telling.daemon = True
    if limit:
        telling.start()
    try:
        return (yield)
    finally:
        telling.cancel()


def _tell_tasks(item: pytest.Item) -> None:
    with os.fdopen(os.dup(item.config.stash[fault_handler_stderr_fd_key]), "w") as said:
        said.write(f"\n{item.nodeid} hangs; its tasks:\n")
        for thing in gc.get_objects():
            if isinstance(thing, asyncio.Task) and not thing.done():
                thing.print_stack(file=said)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine, and no .env of a folder, reaches a test."""
    for name in list(os.environ):
        if name.startswith(("SLACK_", "HALTBOT_", "VIBECODE_", "DATABASE_URL")):
            monkeypatch.delenv(name)
    # Nobody listens there: what is not told where the sandbox is must not find the real one.
    monkeypatch.setenv("VIBECODE_API_URL", "http://127.0.0.1:9")
    monkeypatch.chdir(tmp_path)


@pytest.fixture(name="work")
async def _work(tmp_path: Path) -> AsyncIterator[Workspace]:
    async with workspace(tmp_path) as opened:
        yield opened


@pytest.fixture(name="either", params=["http", "socket"])
async def _either(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Workspace]:
    """The same story over both ways in which Slack can reach the bot."""
    async with workspace(tmp_path, mode=request.param) as opened:
        yield opened


@pytest.fixture(name="embedded")
async def _embedded(tmp_path: Path) -> AsyncIterator[SqlStore]:
    """A store in a file of its own."""
    async with await open_sqlite(tmp_path / "embedded.db", owner="test") as store:
        yield store
