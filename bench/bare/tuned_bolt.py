"""The contenders to come close to: Bolt tuned by hand, both clients shared, and nothing durable at all."""

import asyncio
import os
from typing import Any

import aiohttp
import httpx
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

TOKEN = os.environ["SLACK_BOT_TOKEN"]
JOB = os.environ.get("ACK_ONLY") != "1"
WITH_AIOHTTP = os.environ.get("VIBECODE_CLIENT") == "aiohttp"
VIBECODE = os.environ["VIBECODE_API_URL"]
HEADERS = {"X-Api-Key": os.environ["VIBECODE_API_KEY"]}


async def authorize() -> AuthorizeResult:
    return AuthorizeResult(enterprise_id=None, team_id="T1", bot_token=TOKEN, bot_id="B0", bot_user_id="U0")


async def main() -> None:
    async with (
        aiohttp.ClientSession() as session,
        httpx.AsyncClient(base_url=VIBECODE, headers=HEADERS) as vibecode,
    ):
        slack = AsyncWebClient(
            token=TOKEN, base_url=os.environ["SLACK_API_URL"], session=session, retry_handlers=[]
        )
        app = AsyncApp(
            client=slack,
            authorize=authorize,
            signing_secret=os.environ["SLACK_SIGNING_SECRET"],
            process_before_response=True,
            ssl_check_enabled=False,
            ignoring_self_events_enabled=False,
            url_verification_enabled=False,
            attaching_function_token_enabled=False,
        )
        jobs: set[asyncio.Task[None]] = set()

        async def stop(workflow_id: str) -> Any:
            if not WITH_AIOHTTP:
                (await vibecode.delete(f"/v1/workflows/{workflow_id}")).raise_for_status()
                return (await vibecode.get("/v1/workflows")).json()
            async with session.delete(f"{VIBECODE}/v1/workflows/{workflow_id}", headers=HEADERS) as answer:
                answer.raise_for_status()
            async with session.get(f"{VIBECODE}/v1/workflows", headers=HEADERS) as answer:
                return await answer.json()

        async def job(workflow_id: str, channel: str) -> None:
            listed = await stop(workflow_id)
            gone = all(row["ID"] != workflow_id for row in listed["data"])
            verdict = "is gone" if gone else "was told to stop"
            await slack.chat_postMessage(channel=channel, text=f"Workflow {workflow_id} {verdict}.")

        @app.command("/terminate-workflow")
        async def terminate_workflow(ack: AsyncAck, command: dict[str, Any]) -> None:
            if JOB:
                task = asyncio.create_task(job(command["text"].split()[0], command["channel_id"]))
                jobs.add(task)
                task.add_done_callback(jobs.discard)
            await ack()

        async def receive(request: web.Request) -> web.Response:
            return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

        served = web.Application()
        served.router.add_post("/slack/events", receive)
        runner = web.AppRunner(served, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", int(os.environ["HALTBOT_PORT"])).start()
        await asyncio.Event().wait()


asyncio.run(main())
