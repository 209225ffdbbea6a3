"""A Slack whose clock only moves when it is told to, and a client of its Web API."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from sandbox_api import Clock
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import SlackSandbox


@pytest.fixture(name="clock")
def _clock() -> Clock:
    return Clock()


@pytest.fixture(name="slack")
async def _slack(clock) -> AsyncIterator[SlackSandbox]:
    async with SlackSandbox(clock=clock) as slack:
        yield slack


@pytest.fixture(name="client")
async def _client(slack) -> AsyncIterator[AsyncWebClient]:
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient(
            token=slack.bot_token, base_url=slack.api_url, session=session, retry_handlers=[]
        )
