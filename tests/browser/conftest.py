"""Fixtures for what people see: the whole bot behind the page, and one browser in front of it."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from browser.screen import LIMIT_SECONDS, Screen, open_screen
from playwright.async_api import Browser, async_playwright
from workspace import Workspace, workspace

from sandbox.web import add_cast, open_page
from sandbox.web.cast import Cast

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest_asyncio.fixture(name="browser", scope="session", loop_scope="session")
async def _browser() -> AsyncIterator[Browser]:
    """A browser, or the reason why these tests are left out; with REQUIRE_BROWSER=1 that is a failure."""
    if CHROMIUM is None:
        reason = "no Chromium was found on this machine (Debian: apt-get install chromium)"
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        async with asyncio.timeout(LIMIT_SECONDS):
            await browser.close()


@pytest.fixture(name="patience")
def _patience() -> dict[str, Any]:
    """Settings of the bot; a story that waits for something replaces them."""
    return {}


@pytest_asyncio.fixture(name="work", loop_scope="session")
async def _work(tmp_path: Path, patience: dict[str, Any]) -> AsyncIterator[Workspace]:
    async with workspace(tmp_path, **patience) as opened:
        yield opened


@pytest.fixture(name="cast")
def _cast(work: Workspace) -> Cast:
    return add_cast(work.slack)


@pytest_asyncio.fixture(name="url", loop_scope="session")
async def _url(work: Workspace, cast: Cast) -> AsyncIterator[str]:
    async with open_page(work, bot_url=f"http://127.0.0.1:{work.port}") as url:
        yield url


@pytest_asyncio.fixture(name="screen", loop_scope="session")
async def _screen(browser: Browser, url: str) -> AsyncIterator[Screen]:
    async with open_screen(browser, url) as screen:
        yield screen
