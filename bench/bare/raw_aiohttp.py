"""The floor in Python: no framework, no durability, aiohttp on both sides."""

import asyncio
import hashlib
import hmac
import os
import time
from collections.abc import Mapping
from urllib.parse import parse_qsl

import aiohttp
from aiohttp import web

SECRET = os.environ["SLACK_SIGNING_SECRET"].encode()
SLACK = os.environ["SLACK_API_URL"]
VIBECODE = os.environ["VIBECODE_API_URL"]
JOB = os.environ.get("ACK_ONLY") != "1"


def is_signed(headers: Mapping[str, str], raw: bytes) -> bool:
    timestamp = headers["X-Slack-Request-Timestamp"]
    signed = hmac.new(SECRET, f"v0:{timestamp}:".encode() + raw, hashlib.sha256).hexdigest()
    fresh = abs(time.time() - int(timestamp)) <= 300
    return fresh and hmac.compare_digest(f"v0={signed}", headers["X-Slack-Signature"])


async def main() -> None:
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {os.environ['SLACK_BOT_TOKEN']}"}) as slack,
        aiohttp.ClientSession(headers={"X-Api-Key": os.environ["VIBECODE_API_KEY"]}) as vibecode,
    ):
        jobs: set[asyncio.Task[None]] = set()

        async def job(workflow_id: str, channel: str) -> None:
            async with vibecode.delete(f"{VIBECODE}/v1/workflows/{workflow_id}") as answer:
                answer.raise_for_status()
            async with vibecode.get(f"{VIBECODE}/v1/workflows") as answer:
                listed = await answer.json()
            gone = all(row["ID"] != workflow_id for row in listed["data"])
            text = f"Workflow {workflow_id} {'is gone' if gone else 'was told to stop'}."
            async with slack.post(
                f"{SLACK}chat.postMessage", json={"channel": channel, "text": text}
            ) as answer:
                await answer.json()

        async def receive(request: web.Request) -> web.Response:
            raw = await request.read()
            if not is_signed(request.headers, raw):
                return web.Response(status=401)
            command = dict(parse_qsl(raw.decode(), keep_blank_values=True))
            if JOB:
                task = asyncio.create_task(job(command["text"].split()[0], command["channel_id"]))
                jobs.add(task)
                task.add_done_callback(jobs.discard)
            return web.Response()

        served = web.Application()
        served.router.add_post("/slack/events", receive)
        runner = web.AppRunner(served, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", int(os.environ["HALTBOT_PORT"])).start()
        await asyncio.Event().wait()


asyncio.run(main())
