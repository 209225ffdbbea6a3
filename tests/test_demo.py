"""``haltbot demo``: whoever tries it for the first time sees the whole story, told by the real bot."""

import asyncio
import re
import signal
import sys

import httpx
from processes import haltbot


async def test_the_demo_plays_the_story_and_ends_well():
    """A soft termination, a forced one with its question, an error: what each person sees, and what was sent."""
    finished = await haltbot("demo")
    out = " ".join(finished.out.replace("│", " ").split())

    assert (0, "") == (finished.code, finished.err)
    soft, forced, error = re.split(r" [123]\. ", out)[1:4]
    assert "Rita types /terminate-workflow" in soft
    assert "is gone (verified" in soft
    assert re.search(r"DELETE /v1/workflows/[0-9a-f]{14}\.\d{8}\?status=nightly import .* → 204", soft)
    assert "[Force terminate]" in forced
    assert "Carl presses [Force terminate]" in forced
    assert "Only @Rita, who asked for this, can answer" in forced
    assert re.search(r"DELETE \S+\?force=true&status=deadlocks the CRM → 204", forced)
    assert 1 == forced.count("DELETE")
    assert "SCOPE_DENIED · HTTP 403" in error
    assert "new key" in error
    # It reads as Slack shows it: names, and neither markup nor a secret.
    shown = "\n".join(line for line in finished.out.splitlines() if line.startswith("  │"))
    assert re.search(r"<[@!]|&amp;|\u2060|`|xoxb-|xapp-|vibe_api_", shown) is None


async def test_the_demo_can_stay_up():
    """The addresses are printed, the bot answers there, and an interrupt ends it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-u",
        "-m",
        "bot",
        "demo",
        "--serve",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        said = ""
        async with asyncio.timeout(20), httpx.AsyncClient() as client:
            while not (found := re.search(r"Haltbot\W+(http://127\.0\.0\.1:\d+)", said)):
                line = await process.stdout.readline()
                assert line, said
                said += line.decode()
            alive = await client.get(found[1] + "/healthz")
            while not (example := re.search(r"-d '(\{.*\})' (http\S+)", said)):
                said += (await process.stdout.readline()).decode()
            sent = await client.post(
                example[2], content=example[1], headers={"Content-Type": "application/json"}
            )
            process.send_signal(signal.SIGINT)
            await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()

    assert 200 == alive.status_code
    assert (200, {}) == (sent.status_code, sent.json())
    assert process.returncode in (0, 1, 130)
