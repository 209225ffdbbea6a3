"""The replicas' stories, all told at once: most of each is waiting, and the lease is the same for all."""

import asyncio
import os
import shutil
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio
from replicas.stories import database_stuck, sudden_end, taking_turns, told_to_stop, watching_on
from store.conftest import _postgres_server

__all__ = ["_postgres_server"]

Story = Callable[..., Coroutine[Any, Any, Any]]

STORIES: dict[str, tuple[Story, str]] = {
    "sudden end http": (sudden_end, "http"),
    "sudden end socket": (sudden_end, "socket"),
    "told to stop http": (told_to_stop, "http"),
    "told to stop socket": (told_to_stop, "socket"),
    "taking turns": (taking_turns, "http"),
    "database stuck": (database_stuck, "http"),
    "watching on": (watching_on, "http"),
}


@pytest.fixture(scope="session", name="_nginx")
def _nginx_is_here():
    """nginx, where the machine has it; REQUIRE_POSTGRES=1 says that it must have it."""
    if shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
        reason = "left out: nginx is not on this machine"
        if os.environ.get("REQUIRE_POSTGRES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest_asyncio.fixture(scope="package", loop_scope="session", name="stories")
async def _stories(postgres_server, _nginx, tmp_path_factory):
    """Begin all stories; each test waits for its own and looks at what came of it."""
    async with AsyncExitStack() as ending:
        begun = {}
        for number, (name, (story, mode)) in enumerate(STORIES.items()):
            folder = tmp_path_factory.mktemp(f"story-{number}")
            begun[name] = asyncio.create_task(story(postgres_server, f"story_{number}", folder, mode))
        ending.push_async_callback(_end, list(begun.values()))
        yield begun


async def _end(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
