"""The main job needs little of Slack: what a server does not offer costs a detail, not the termination."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from workspace import workspace

from sandbox.vibecode import Step

WAITING = Step(3600, locked=False)


@dataclass
class BareSlack:
    """Knows how to post and to edit; to everything else it answers what it is told to."""

    otherwise: dict[str, Any] | None
    messages: dict[str, str] = field(default_factory=dict)
    url: str = ""
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def said(self, words: str) -> None:
        """Wait until a message says this."""
        async with asyncio.timeout(5):
            while not any(words in text for text in self.messages.values()):
                self._changed.clear()
                await self._changed.wait()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        sent = json.loads(await request.text() or "{}") if request.content_type == "application/json" else {}
        match request.match_info["method"]:
            case "auth.test":
                return web.json_response({"ok": True})
            case "chat.postMessage":
                ts = f"1700000000.{len(self.messages):06}"
                self._show(ts, sent["text"])
                return web.json_response({"ok": True, "channel": sent["channel"], "ts": ts})
            case "chat.update":
                self._show(sent["ts"], sent["text"])
                return web.json_response({"ok": True, "channel": sent["channel"], "ts": sent["ts"]})
            case _ if self.otherwise is None:
                raise web.HTTPNotFound
            case _:
                return web.json_response(self.otherwise)

    def _show(self, ts: str, text: str) -> None:
        self.messages[ts] = text
        self._changed.set()


@pytest.fixture(
    name="bare",
    params=[None, {"ok": True}, {"ok": False, "error": "unknown_method"}],
    ids=["not found", "says ok to all", "unknown method"],
)
async def _bare(request: pytest.FixtureRequest) -> AsyncIterator[BareSlack]:
    slack = BareSlack(request.param)
    app = web.Application()
    app.router.add_route("*", "/api/{method}", slack.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/"
    yield slack
    await runner.cleanup()


async def test_a_soft_termination_needs_no_more_than_posting(tmp_path: Path, bare: BareSlack):
    """Command, DELETE, outcome."""
    async with workspace(tmp_path, slack_api_url=bare.url) as work:
        instance = work.vibecode.start_instance(steps=[WAITING])

        delivery = await work.command(f"{instance} loops")
        await work.vibecode.wait_for(lambda: work.vibecode.deletes(instance))
        await bare.said("is gone (verified")

        assert 200 == delivery.status
        assert 1 == len(bare.messages)


async def test_a_question_shows_what_is_known(tmp_path: Path, bare: BareSlack):
    """Nobody else shares a channel of a server that knows no shared channels."""
    async with workspace(tmp_path, slack_api_url=bare.url) as work:
        instance = work.vibecode.start_instance(steps=[WAITING], document="DEAL_5141")

        await work.command(f"{instance} force")
        await bare.said("Document: DEAL_5141")

        assert [] == work.vibecode.deletes(instance)
