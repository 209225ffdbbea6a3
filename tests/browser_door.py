"""A browser in front of Haltbot's own pages: it follows the links of private answers and fills in the form."""

import contextlib
import re
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
from workspace import Workspace

from sandbox.slack import Person

PUBLIC_URL = "http://127.0.0.1:9"
"""The address in the links; the port at which the bot really listens is known only once it does."""


@contextlib.asynccontextmanager
async def browser(work: Workspace) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{work.port}") as client:
        yield client


async def link_of(work: Workspace, action_id: str, *, to: Person | None = None, number: int = 1) -> str:
    """Wait for the private answer whose button opens a page, and return the page's path."""

    def addresses() -> list[str]:
        return [
            element["url"]
            for message in work.slack.private_messages(to or work.requester)
            for element in message.elements
            if element["action_id"] == action_id
        ]

    found = await work.slack.wait_for(lambda: addresses() if len(addresses()) >= number else None)
    assert found[-1].startswith(PUBLIC_URL)
    return urlsplit(found[-1]).path


async def hand_in(client: httpx.AsyncClient, path: str, key: str) -> httpx.Response:
    """Open the page and send its form with this key."""
    form = await client.get(path)
    assert httpx.codes.OK == form.status_code, form.text
    return await client.post(path, data={"form": token_of(form), "key": key})


def token_of(page: httpx.Response) -> str:
    found = re.search(r'name="form" value="([^"]+)"', page.text)
    assert found is not None
    return found[1]
