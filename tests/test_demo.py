"""``haltbot demo``: whoever tries it for the first time sees the whole story, told by the real bot."""

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from processes import haltbot

NOBODY = "http://127.0.0.1:1"
"""A port that nobody listens on."""
PROXIES = {"HTTP_PROXY": NOBODY, "HTTPS_PROXY": NOBODY, "ALL_PROXY": NOBODY, "https_proxy": NOBODY}
SOMEBODY_ELSES = {
    "HALTBOT_LOG_LEVEL": "loud",
    "HALTBOT_OWNERS": "rita",
    "HALTBOT_SOFT_FIRST": "true",
    "HALTBOT_HOST": "0.0.0.0",
    "DATABASE_URL": "mysql://db",
}
"""Settings of another installation, some of them wrong; each by itself would end the demo or change it."""


@dataclass
class Served:
    """A demo that stays up, and a browser's way to it."""

    process: asyncio.subprocess.Process
    client: httpx.AsyncClient
    said: str
    url: str

    async def do(self, act: str, **sent: str) -> httpx.Response:
        return await self.client.post(f"{self.url}do/{act}", json=sent)

    async def sees(self, person: str, place: str, words: str) -> str:
        """Look at a place as somebody until the page says this; returns what it shows."""
        shown: dict[str, Any] = {}
        async with (
            asyncio.timeout(20),
            self.client.stream("GET", f"{self.url}events", params={"as": person, "in": place}) as stream,
        ):
            async for line in stream.aiter_lines():
                if line.startswith("data: "):
                    shown |= json.loads(line.removeprefix("data: "))
                if words in (page := "\n".join(shown.values())):
                    return page
        raise AssertionError(shown)


@contextlib.asynccontextmanager
async def served(environment: Mapping[str, str] | None = None) -> AsyncIterator[Served]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-u", "-m", "bot", "demo", "--serve"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | (environment or {}),
    )
    try:
        assert process.stdout is not None
        said = ""
        async with asyncio.timeout(20):
            while "Ctrl-C" not in said:
                line = await process.stdout.readline()
                assert line, said
                said += line.decode()
        found = re.search(r"Open \S*?(http://127\.0\.0\.1:\d+/)", said)
        assert found, said
        async with httpx.AsyncClient(trust_env=False) as client:
            yield Served(process, client, said, found[1])
    finally:
        if process.returncode is None:
            process.kill()
        # Also what it still says is read, so that its pipes are closed.
        await process.communicate()


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
    async with served() as demo:
        bot = re.search(r"Haltbot\W+(http://127\.0\.0\.1:\d+)", demo.said)
        example = re.search(r"-d '(\{.*\})' (http\S+)", demo.said)
        assert bot
        assert example
        alive = await demo.client.get(bot[1] + "/healthz")
        sent = await demo.client.post(
            example[2], content=example[1], headers={"Content-Type": "application/json"}
        )
        demo.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(20):
            await demo.process.communicate()

    assert 200 == alive.status_code
    assert (200, {}) == (sent.status_code, sent.json())
    assert 0 == demo.process.returncode


async def test_the_demo_takes_nothing_from_whoever_tries_it(tmp_path: Path):
    """Neither proxies, which do not reach this machine, nor the settings of another installation."""
    (tmp_path / ".env").write_text("HALTBOT_RETENTION_DAYS=soon\nHALTBOT_SOFT_FIRST=true\n")

    finished = await haltbot("demo", environment=PROXIES | SOMEBODY_ELSES | {"NO_PROXY": "example.com"})

    assert (0, "") == (finished.code, finished.err)
    assert 1 == finished.out.count("?force=true")
    assert 3 == finished.out.count("DELETE")


async def test_the_served_demo_has_somebody_who_may_configure(tmp_path: Path):
    """Ada opens the settings, and hands in the key that was printed, behind any proxy and with any settings."""
    (tmp_path / ".env").write_text("HALTBOT_PUBLIC_URL=https://haltbot.example.com\n")
    async with served(PROXIES | SOMEBODY_ELSES) as demo:
        everybody = await demo.sees("", "", "Ada")
        ada, place = _id_of("person", "Ada", everybody), _id_of("place", "ops", everybody)
        await demo.do("say", person=ada, place=place, text="/terminate-workflow config")
        await demo.sees(ada, place, "Haltbot&#x27;s settings")
        await demo.do("say", person=ada, place=place, text="/terminate-workflow key")
        shown = await demo.sees(ada, place, "/key/")
        link = re.search(r"http://127\.0\.0\.1:\d+/key/[\w-]+", shown)
        key = re.search(r"vibe_api_\w+", demo.said)
        assert link
        assert key
        form = await demo.client.get(link[0])
        hidden = dict(re.findall(r'name="(\w+)"[^>]*value="([^"]*)"', form.text))
        stored = await demo.client.post(link[0], data=hidden | {"key": key[0]})

    assert (200, 200) == (form.status_code, stored.status_code)
    assert "is stored" in stored.text


def _id_of(kind: str, name: str, page: str) -> str:
    """Find whom or what a button of the sidebar stands for."""
    (button,) = [
        str(found)
        for found in re.findall(rf'<button[^>]*data-{kind}="\w+".*?</button>', page)
        if f"{name}<" in found
    ]
    return button.split(f'data-{kind}="')[1].split('"')[0]
