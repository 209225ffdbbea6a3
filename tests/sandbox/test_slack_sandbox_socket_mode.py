"""Socket Mode in the sandbox: envelopes, acknowledgements, and every way to lose a connection."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from sandbox.slack import SlackSandbox


class Client:
    """A bare Socket Mode client that acknowledges only when it is told to."""

    def __init__(self, slack: SlackSandbox, session: aiohttp.ClientSession) -> None:
        self._slack = slack
        self._session = session
        # A socket that nobody refers to would be closed by the garbage collector.
        self._sockets: list[aiohttp.ClientWebSocketResponse] = []

    async def ask_for_url(self) -> Any:
        headers = {"Authorization": f"Bearer {self._slack.app_token}"}
        async with self._session.post(
            f"{self._slack.api_url}apps.connections.open", headers=headers
        ) as response:
            return await response.json()

    async def connect(self, **settings: Any) -> aiohttp.ClientWebSocketResponse:
        socket: aiohttp.ClientWebSocketResponse = await self._session.ws_connect(
            (await self.ask_for_url())["url"], **settings
        )
        self._sockets.append(socket)
        return socket

    async def ready(self) -> aiohttp.ClientWebSocketResponse:
        socket = await self.connect()
        assert "hello" == (await socket.receive_json(timeout=1))["type"]
        return socket


@pytest.fixture(name="slack")
async def _slack() -> AsyncIterator[SlackSandbox]:
    async with SlackSandbox(ack_seconds=0.3) as slack:
        yield slack


@pytest.fixture(name="client")
async def _client(slack) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(slack, session)


@pytest.fixture(name="command")
def _command(slack):
    ann, channel = slack.add_person("ann"), slack.add_channel("ops")
    return lambda text="12": asyncio.create_task(slack.command(ann, channel, "/stop", text))


async def test_an_envelope_is_acknowledged_with_an_answer(client, command):
    """The answer in the acknowledgement becomes the command's."""
    socket = await client.ready()
    typed = command()
    envelope = await socket.receive_json(timeout=1)

    await socket.send_json({"envelope_id": envelope["envelope_id"], "payload": {"text": "hi"}})

    delivery = await typed
    assert ("slash_commands", True, "12") == (
        envelope["type"],
        envelope["accepts_response_payload"],
        envelope["payload"]["text"],
    )
    assert (200, {"text": "hi"}) == (delivery.status, delivery.json)


async def test_without_a_connection_a_command_fails_at_once(slack, command):
    """Events wait for the next connection instead."""
    assert "dispatch_failed" == (await command()).error


async def test_events_wait_for_a_connection(slack, client):
    """They are sent with their first chance."""
    happened = asyncio.create_task(slack.event("channel_archive", channel="C1"))
    await asyncio.sleep(0)

    socket = await client.ready()
    envelope = await socket.receive_json(timeout=1)
    await socket.send_json({"envelope_id": envelope["envelope_id"]})

    assert (await happened).ok
    assert ("events_api", 0) == (envelope["type"], envelope["retry_attempt"])


async def test_connections_take_turns(client, command):
    """Two connections get one command each."""
    sockets = [await client.ready(), await client.ready()]
    typed = [command("1"), command("2")]

    envelopes = [await socket.receive_json(timeout=1) for socket in sockets]

    assert {"1", "2"} == {envelope["payload"]["text"] for envelope in envelopes}
    assert ["operation_timeout"] * 2 == [(await delivery).error for delivery in typed]


async def test_an_unacknowledged_envelope_comes_again(client, command):
    """On the next connection, with the same envelope id; and the command is answered if there is still time."""
    first = await client.ready()
    typed = command()
    sent = await first.receive_json(timeout=1)
    await first.close()

    second = await client.ready()
    again = await second.receive_json(timeout=1)
    await second.send_json({"envelope_id": again["envelope_id"]})

    assert sent["envelope_id"] == again["envelope_id"]
    assert (await typed).ok


async def test_an_unacknowledged_envelope_comes_again_over_another_connection(client, command):
    """A connection that is there already takes over what the one that ended leaves."""
    sockets = [await client.ready(), await client.ready()]
    typed = [command("1"), command("2")]
    left, sent = [await socket.receive_json(timeout=1) for socket in sockets]
    await sockets[0].close()

    again = await sockets[1].receive_json(timeout=1)
    for envelope in (sent, again):
        await sockets[1].send_json({"envelope_id": envelope["envelope_id"]})

    assert left["envelope_id"] == again["envelope_id"]
    assert [True, True] == [(await delivery).ok for delivery in typed]


async def test_a_timed_out_envelope_still_comes_again(client, command):
    """The person saw a timeout, but the command may arrive all the same."""
    first = await client.ready()
    delivery = await command()
    await first.close()

    second = await client.ready()
    again = await second.receive_json(timeout=1)

    assert ("operation_timeout", delivery.envelope_id) == (delivery.error, again["envelope_id"])


async def test_a_redelivery_has_the_same_envelope_id(slack, client, command):
    """Slack may send what was acknowledged once more."""
    socket = await client.ready()
    typed = command()
    for _ in range(2):
        envelope = await socket.receive_json(timeout=1)
        await socket.send_json({"envelope_id": envelope["envelope_id"]})
        delivery = await typed
        typed = asyncio.create_task(slack.redeliver(delivery))
    await typed

    assert 3 == len(slack.deliveries)
    assert 1 == len({delivery.envelope_id for delivery in slack.deliveries})


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
async def test_a_disconnect_frame_asks_for_a_new_connection(slack, client, command, reason):
    """The leaving connection still works, but gets nothing new once there is another."""
    old = await client.ready()
    await slack.disconnect(reason)
    frame = await old.receive_json(timeout=1)
    new = await client.ready()
    typed = command()

    envelope = await new.receive_json(timeout=1)
    await new.send_json({"envelope_id": envelope["envelope_id"]})

    assert ("disconnect", reason) == (frame["type"], frame["reason"])
    assert (await typed).ok


async def test_a_disabled_link_is_final(slack, client):
    """The connection is cut and no new one is to be had."""
    socket = await client.ready()

    await slack.disconnect("link_disabled")
    await slack.wait_for(lambda: slack.socket_mode.connections == 0)

    assert {"ok": False, "error": "link_disabled"} == await client.ask_for_url()
    await socket.close()


async def test_a_silent_peer_answers_no_pings(slack, client, command):
    """The connection stays open; what is sent over it is lost and comes again later."""
    socket = await client.connect(autoping=False)
    assert "hello" == (await socket.receive_json(timeout=1))["type"]
    assert aiohttp.WSMsgType.PING == (await socket.receive(timeout=1)).type
    await socket.ping(b"before")
    answered = await socket.receive(timeout=1)

    slack.go_silent()
    await socket.ping(b"after")
    typed = command()
    with pytest.raises(TimeoutError):
        await socket.receive(timeout=0.05)
    second = await client.ready()
    envelope = await second.receive_json(timeout=1)
    await second.send_json({"envelope_id": envelope["envelope_id"]})

    assert (aiohttp.WSMsgType.PONG, b"before") == (answered.type, bytes(answered.data))
    assert (await typed).ok


async def test_connections_can_be_refused_for_a_while(slack, client):
    """Present connections are cut too; the address stays good until it is used."""
    await client.ready()
    slack.refuse_connections(0.1)
    await slack.wait_for(lambda: slack.socket_mode.connections == 0)
    started = time.monotonic()
    with pytest.raises(aiohttp.ClientError):
        await client.connect()
    slack.refuse_connections(0)

    await client.ready()

    assert time.monotonic() - started < 1


async def test_a_ticket_is_good_for_one_connection(slack, client):
    """A used address is refused."""
    url = (await client.ask_for_url())["url"]
    async with aiohttp.ClientSession() as session:
        await session.ws_connect(url)
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(url)

    assert 408 == caught.value.status


async def test_the_eleventh_connection_is_turned_away(slack, client):
    """Ten are allowed."""
    for _ in range(10):
        await client.ready()

    eleventh = await client.connect()
    frame = await eleventh.receive_json(timeout=1)

    assert ("disconnect", "too_many_websockets") == (frame["type"], frame["reason"])
    assert 10 == slack.socket_mode.connections


async def test_an_outage_closes_the_connections(slack, client, command):
    """Nothing is delivered until it ends."""
    await client.ready()
    slack.down = True
    await slack.wait_for(lambda: slack.socket_mode.connections == 0)

    assert "dispatch_failed" == (await command()).error
    slack.down = False
    await client.ready()
    assert 1 == slack.socket_mode.connections


async def test_only_the_app_token_opens_connections(slack, client):
    """And only with its scope; it is no bot token either."""
    async with aiohttp.ClientSession() as session:

        async def error(method, token):
            headers = {"Authorization": f"Bearer {token}"}
            async with session.post(f"{slack.api_url}{method}", headers=headers) as response:
                return (await response.json())["error"]

        assert "not_allowed_token_type" == await error("apps.connections.open", slack.bot_token)
        assert "not_allowed_token_type" == await error("users.info", slack.app_token)
        slack.installation.app_scopes = set()
        assert "missing_scope" == await error("apps.connections.open", slack.app_token)
