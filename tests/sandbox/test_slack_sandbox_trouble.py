"""The sandbox's troubles: planned failures, an outage, and waiting for what happens."""

import asyncio
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import SlackSandbox
from sandbox.slack.records import TrafficRecord


@pytest.fixture(name="slack")
async def _slack() -> AsyncIterator[SlackSandbox]:
    async with SlackSandbox() as slack:
        yield slack


@pytest.fixture(name="channel")
def _channel(slack):
    return slack.add_channel("ops")


@pytest.fixture(name="client")
async def _client(slack) -> AsyncIterator[AsyncWebClient]:
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient(
            token=slack.bot_token, base_url=slack.api_url, session=session, retry_handlers=[]
        )


async def test_planned_errors_happen_in_order_and_then_stop(slack, channel, client):
    """Codes, statuses and Retry-After are as planned; nothing was posted meanwhile."""
    slack.fail("chat.postMessage", "fatal_error")
    slack.fail("chat.postMessage", "ratelimited", retry_after=7)
    slack.fail("*", "service_unavailable", status=503)
    seen = []
    for _ in range(3):
        with pytest.raises(SlackApiError) as caught:
            await client.chat_postMessage(channel=channel.id, text="a")
        response = caught.value.response
        seen.append((response["error"], response.status_code, response.headers.get("Retry-After")))

    await client.chat_postMessage(channel=channel.id, text="b")

    assert [("fatal_error", 200, None), ("ratelimited", 429, "7"), ("service_unavailable", 503, None)] == seen
    assert ["b"] == [message.text for message in slack.channel_messages(channel)]
    assert [False, False, False, True] == [call.ok for call in slack.calls_of("chat.postMessage")]


@pytest.mark.parametrize(("fault", "posted"), [("drop", 0), ("drop_after", 1)])
async def test_a_connection_is_cut_before_or_after_the_act(slack, channel, client, fault, posted):
    """The caller cannot tell the two apart; the channel can."""
    slack.fail("chat.postMessage", fault)

    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel=channel.id, text="a")

    assert posted == len(slack.channel_messages(channel))
    assert [None] == [call.status for call in slack.calls]


async def test_a_hanging_call_never_answers(slack, channel, client):
    """It neither acts nor keeps the sandbox from stopping."""
    slack.fail("chat.postMessage", "hang")

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.chat_postMessage(channel=channel.id, text="a"), 0.1)

    assert [] == slack.channel_messages(channel)


async def test_an_outage_cuts_everything_until_it_ends(slack, channel, client):
    """Also the response addresses; planned failures can be forgotten."""
    ann = slack.add_person("ann")
    url = (await slack.command(ann, channel, "/x")).payload["response_url"]
    slack.down = True
    with pytest.raises(aiohttp.ClientError):
        await client.auth_test()
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            await session.post(url, json={"text": "a"})

    slack.fail("auth.test", "fatal_error")
    slack.stop_failing()

    assert (await client.auth_test())["ok"]
    assert not slack.down


async def test_a_response_url_can_be_made_to_fail(slack, channel):
    """Under the name response_url, with any status."""
    ann = slack.add_person("ann")
    url = (await slack.command(ann, channel, "/x")).payload["response_url"]
    slack.fail("response_url", "server_error", status=500)
    slack.fail("response_url", "drop_after")
    async with aiohttp.ClientSession() as session:
        async with session.post(url, json={"text": "a"}) as response:
            status = response.status
        with pytest.raises(aiohttp.ClientError):
            await session.post(url, json={"text": "b"})
        async with session.post(url, data="no json") as response:
            malformed = response.status
        async with session.post(f"{slack.url}/response/unknown", json={"text": "c"}) as response:
            unknown = response.status

    assert (500, 400, 404) == (status, malformed, unknown)
    assert ["b"] == [message.text for message in slack.private_messages(ann) if message.via == "response_url"]


async def test_waiting_ends_with_the_change(slack, channel, client):
    """A predicate may look up what is not there yet."""
    waiting = asyncio.create_task(slack.wait_for(lambda: slack.channel_messages(channel)[0]))
    await asyncio.sleep(0)

    await client.chat_postMessage(channel=channel.id, text="a")

    assert "a" == (await waiting).text


async def test_waiting_in_vain_tells_what_was_there(slack, channel, client):
    """The error names the last messages and calls."""
    await client.chat_postMessage(channel=channel.id, text="something else")

    with pytest.raises(TimeoutError, match=r"something else.*chat\.postMessage 200"):
        await slack.wait_for(lambda: slack.channel_messages(channel)[1], timeout=0.02)


async def test_listeners_hear_everything_without_secrets(slack, channel, client):
    """Tokens and response addresses are unreadable in what is shown to others."""
    heard: list[TrafficRecord] = []
    stop = slack.listen(heard.append)
    ann = slack.add_person("ann")
    await slack.command(ann, channel, "/x")
    await client.chat_postMessage(channel=channel.id, text=f"my token is {slack.bot_token}")
    stop()
    await client.auth_test()

    assert ["person_added", "message_posted", "delivery", "message_posted", "call"] == [
        item.kind for item in heard
    ]
    assert slack.bot_token not in repr(heard)
    assert "/response/…" in heard[2].detail["payload"]["response_url"]
    assert "…" == heard[2].detail["payload"]["token"]


async def test_starting_and_stopping_takes_milliseconds():
    """So that every test can have a Slack of its own."""
    started = time.monotonic()

    async with SlackSandbox() as slack:
        assert slack.api_url.startswith("http://127.0.0.1:")

    assert time.monotonic() - started < 0.5
