"""Fixtures for the stories."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import hypothesis
import pytest
from workspace import Workspace, workspace

# The same examples in every run, however long the machine takes over one: a test that fails now and then is not
# believed when it fails.
hypothesis.settings.register_profile("haltbot", deadline=None, derandomize=True)
hypothesis.settings.load_profile("haltbot")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine, and no .env of a folder, reaches a test."""
    for name in list(os.environ):
        if name.startswith(("SLACK_", "HALTBOT_", "VIBECODE_", "DATABASE_URL")):
            monkeypatch.delenv(name)
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
