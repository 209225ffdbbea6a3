"""The contender that people write: a Bolt AsyncApp as it comes, and httpx as its documentation shows it."""

import os
from typing import Any

import httpx
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

VIBECODE = os.environ["VIBECODE_API_URL"]
KEY = os.environ["VIBECODE_API_KEY"]
SHARED = os.environ.get("SHARED_CLIENT") == "1"
JOB = os.environ.get("ACK_ONLY") != "1"

app = AsyncApp(token=os.environ["SLACK_BOT_TOKEN"], signing_secret=os.environ["SLACK_SIGNING_SECRET"])
app.client.base_url = os.environ["SLACK_API_URL"]
shared = httpx.AsyncClient(base_url=VIBECODE, headers={"X-Api-Key": KEY}) if SHARED else None


async def stop(http: httpx.AsyncClient, workflow_id: str) -> bool:
    (await http.delete(f"/v1/workflows/{workflow_id}")).raise_for_status()
    listed = (await http.get("/v1/workflows")).json()
    return all(row["ID"] != workflow_id for row in listed["data"])


@app.command("/terminate-workflow")
async def terminate_workflow(ack: AsyncAck, command: dict[str, Any], client: AsyncWebClient) -> None:
    await ack()
    if not JOB:
        return
    workflow_id = command["text"].split()[0]
    if shared is not None:
        gone = await stop(shared, workflow_id)
    else:
        async with httpx.AsyncClient(base_url=VIBECODE, headers={"X-Api-Key": KEY}) as http:
            gone = await stop(http, workflow_id)
    verdict = "is gone" if gone else "was told to stop"
    await client.chat_postMessage(channel=command["channel_id"], text=f"Workflow {workflow_id} {verdict}.")


if __name__ == "__main__":
    app.start(port=int(os.environ["HALTBOT_PORT"]), path="/slack/events")
