"""One person's eyes and hands on the sandbox's page, in a real Chromium."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Locator, Page, expect

from sandbox.slack import Person

DESK, PHONE = (1440, 900), (390, 844)
WITHIN_MS = 30_000
LIMIT_SECONDS = 60
"""For what Playwright itself puts no limit to."""
PICTURES = os.environ.get("PICTURES")

expect.set_options(timeout=WITHIN_MS)


class Screen:
    """The page as it is open now."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.asked: set[str] = set()
        self.complaints: list[str] = []
        page.set_default_timeout(WITHIN_MS)
        page.on("request", lambda request: self.asked.add(urlsplit(request.url).netloc))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self._hear(said.type, said.text))

    def _hear(self, kind: str, text: str) -> None:
        # That the server refuses something is shown to the person; the browser logs it as well.
        if kind == "error" and "422" not in text:
            self.complaints.append(text)

    @property
    def composer(self) -> Locator:
        return self.page.get_by_role("textbox", name="Message #")

    async def type(self, text: str) -> None:
        await self.composer.fill(text)
        await self.composer.press("Enter")

    async def act_as(self, person: Person) -> None:
        await self.page.get_by_role("button", name=person.name).click()
        await expect(self.page.locator("[data-region=reader]")).to_have_text(person.name)

    async def go(self, place: str) -> None:
        await self.page.get_by_role("navigation", name="Places").get_by_role("button", name=place).click()

    async def press(self, name: str) -> None:
        await self.log.get_by_role("button", name=name, exact=True).click()

    @property
    def log(self) -> Locator:
        return self.page.get_by_role("log")

    @property
    def portal(self) -> Locator:
        return self.page.get_by_role("region", name="Bitrix24 portal")

    @property
    def inspector(self) -> Locator:
        return self.page.get_by_role("region", name="Inspector")

    def message(self, words: str) -> Locator:
        return self.log.get_by_role("article").filter(has_text=words)

    async def reads(self, words: str) -> Locator:
        """Wait until exactly one message says this."""
        message = self.message(words)
        await expect(message).to_have_count(1)
        return message

    async def tool(self, name: str) -> Locator:
        """Open one of the portal's tools."""
        tool = self.portal.locator("details").filter(has=self.page.get_by_text(name, exact=True))
        await tool.locator("summary").click()
        return tool

    async def entry(self, title: str) -> Locator:
        """Wait for the newest line of the inspector with this title."""
        entry = self.inspector.locator("details").filter(has_text=title).first
        await expect(entry).to_be_visible()
        return entry

    async def faults(self) -> list[str]:
        """What axe finds wrong with the page as it is now."""
        async with asyncio.timeout(LIMIT_SECONDS):
            found = await Axe().run(self.page)
        return [
            f"{violation['id']}: {node['html']}"
            for violation in found.response["violations"]
            for node in violation["nodes"]
        ]

    async def picture(self, name: str) -> None:
        """Keep a picture for the README, when pictures are wanted."""
        if PICTURES:
            await self.page.screenshot(path=Path(PICTURES) / f"{name}.png", animations="disabled")


@asynccontextmanager
async def open_screen(
    browser: Browser, url: str, *, size: tuple[int, int] = DESK, dark: bool = False
) -> AsyncIterator[Screen]:
    """Open the page; when it is closed it must have asked no other host, and complained of nothing."""
    async with asyncio.timeout(LIMIT_SECONDS):
        page = await browser.new_page(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
        )
    screen = Screen(page, url)
    try:
        await page.goto(url)
        await expect(page.get_by_role("heading", level=1)).not_to_have_text("Slack")
        yield screen
    finally:
        async with asyncio.timeout(LIMIT_SECONDS):
            await page.close()
    assert screen.complaints == []
    assert screen.asked == {urlsplit(url).netloc}
