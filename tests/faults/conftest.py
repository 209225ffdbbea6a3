"""A workspace whose bot is a process of its own, so that it can be killed, and the database looked into."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from workspace import Workspace, workspace

from bot.domain.job import Job
from bot.domain.termination import Phase
from bot.store.opening import open_store, open_vault
from sandbox.slack import Delivery
from sandbox.slack.delivery import http_body, signed_headers
from sandbox.vibecode import Step

LOOK_SECONDS = 0.02


@dataclass
class Outage:
    """What a test does to a running bot from outside."""

    work: Workspace
    file: Path

    def instance(self) -> str:
        """Start one that goes at once when it is stopped."""
        return self.work.vibecode.start_instance(steps=[Step(3600, locked=False)])

    def calls(self, instance: str) -> int:
        return len(self.work.vibecode.deletes(instance))

    def told(self, instance: str, words: str) -> bool:
        """Whether a message in the channel says this about it."""
        messages = self.work.slack.channel_messages(self.work.channel)
        return any(instance in message.text and words in message.text for message in messages)

    async def called(self, instance: str, times: int = 1) -> None:
        """Wait until the call has reached Vibecode; it may hang there."""
        await self.work.vibecode.wait_for(lambda: self.calls(instance) == times)

    async def hold_key_back(self, milliseconds: int) -> None:
        """Let no call be made for so long, as after Vibecode's 429."""
        store = await open_store(self.work.settings.database_url, owner="test", shared=True)
        try:
            await store.block(open_vault(self.work.settings).key_id(self.work.key), milliseconds)
        finally:
            await store.close()

    async def recorded(self, phase: Phase, *, within: float = 30) -> Job:
        """Wait until the database holds a termination in this phase."""
        store = await open_store(self.work.settings.database_url, owner="test", shared=True)
        try:
            async with asyncio.timeout(within):
                while True:
                    jobs = await store.open_in(self.work.slack.team, self.work.channel.id)
                    for job in jobs:
                        if job.phase is phase:
                            return job
                    await asyncio.sleep(LOOK_SECONDS)
        finally:
            await store.close()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the database's write lock, as a backup or somebody's shell might."""
        connection = sqlite3.connect(self.file, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.close()

    @contextlib.asynccontextmanager
    async def command_unanswered(self, text: str) -> AsyncIterator[Delivery]:
        """Type the command; its acknowledgement is never read. Gives what Slack would deliver again."""
        trigger = {"trigger_id": "1.2.lost", "response_url": "http://127.0.0.1:9/"}
        fields = {
            "command": "/terminate-workflow",
            "team_id": self.work.slack.team,
            "channel_id": self.work.channel.id,
            "user_id": self.work.requester.id,
            "text": text,
        } | trigger
        body, content_type = http_body("slash_commands", fields)
        headers = signed_headers(self.work.slack.signing_secret, body) | {"Content-Type": content_type}
        lines = [f"{name}: {value}" for name, value in (headers | {"Content-Length": str(len(body))}).items()]
        head = "\r\n".join(["POST /slack/events HTTP/1.1", "Host: haltbot", *lines])
        port = int(urlsplit(self.work.slack.http_carriers[-1].url).port or 0)
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode() + b"\r\n\r\n" + body)
        await writer.drain()
        yield Delivery("slash_commands", dict(fields), request_body=body, request_headers=headers)
        writer.close()


@pytest.fixture(name="outage", params=["http"])
async def _outage(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Outage]:
    """A workspace without a bot, which the test starts and kills."""
    async with workspace(
        tmp_path, mode=request.param, start=False, vibecode_timeout_seconds=3.0, haltbot_watch_seconds=60
    ) as work:
        yield Outage(work, tmp_path / "haltbot.db")
