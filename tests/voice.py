"""The bot's voice alone, with a Slack before it: what the tests of what it says are told with."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from parts import built
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.termination import MessageRef, Phase
from bot.messages.blocks import private
from bot.ports.messenger import Message, Showing
from bot.slack.messenger import SlackMessenger
from bot.slack.web_api import open_session
from sandbox.slack import Channel, Person, SlackSandbox

NOW = 1_700_000_000_000
OUTCOME = private("*Stopped:* it is gone.")


@dataclass
class Voice:
    """A messenger, its Slack and the client of it, a channel and somebody who asked there."""

    slack: SlackSandbox
    client: AsyncWebClient
    messenger: SlackMessenger
    says: list[Message]
    """What the next termination's message says, last."""
    channel: Channel
    person: Person

    def response_url(self) -> str:
        return self.slack.response_urls.issue(self.person, self.channel)

    async def show(self, message: Message = OUTCOME, **changes: Any) -> MessageRef:
        """Bring this to the channel, as the message of a termination."""
        arguments: dict[str, Any] = {
            "channel": self.channel.id,
            "at": None,
            "response_url": None,
            "click_url": None,
            "reference": "abc",
            "maybe_posted_ms_ago": None,
            "tries": 0,
        } | changes
        posted_ms_ago = arguments["maybe_posted_ms_ago"]
        termination = built(
            id=arguments["reference"],
            channel=arguments["channel"],
            user=self.person.id,
            message=arguments["at"],
            telling_tries=arguments["tries"],
            maybe_shown=posted_ms_ago is not None,
            maybe_shown_at=NOW - (posted_ms_ago or 0),
        )
        self.says.append(message)
        return await self.messenger.show(
            Showing(
                termination=termination,
                phase=Phase.REQUESTED,
                now=NOW,
                alone=False,
                response_url=arguments["response_url"],
                click_url=arguments["click_url"],
            )
        )

    def texts(self) -> list[str]:
        return [message.text for message in self.slack.channel_messages(self.channel)]

    def direct(self) -> list[str]:
        return [message.text for message in self.slack.direct_messages(self.person)]


@contextlib.asynccontextmanager
async def open_voice(**details: Any) -> AsyncIterator[Voice]:
    async with SlackSandbox() as slack, open_session() as session:
        client = AsyncWebClient(
            token=slack.bot_token, base_url=slack.api_url, session=session, retry_handlers=[]
        )
        says = [OUTCOME]
        messenger = SlackMessenger(client, session, lambda *_: says[-1], **details)
        yield Voice(slack, client, messenger, says, slack.add_channel("ops"), slack.add_person("Rita"))


@contextlib.asynccontextmanager
async def answering(answer: Callable[[web.Request], Any]) -> AsyncIterator[str]:
    """Serve the same answer to everything; gives the address."""
    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()
