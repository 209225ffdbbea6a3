"""Every command of docs/operations.md is run, in its order, as its reader would run it."""

import asyncio
import json
import os
import re
import shlex
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from processes import haltbot
from workspace import Workspace, workspace

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "operations.md").read_text()
COMMANDS = [
    line
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
    if line
]
SECONDS = 120


@dataclass
class Reader:
    """Somebody with a shell, who follows the page in a folder of their own."""

    work: Workspace
    folder: Path
    serving: list[asyncio.subprocess.Process] = field(default_factory=list)
    ran: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        command = self.folder / "bin" / "haltbot"
        command.parent.mkdir()
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m bot "$@"\n')
        command.chmod(0o755)

    async def run(self, line: str) -> None:
        """Run a line of the page; its exit code must be 0."""
        if line == "haltbot run":
            self.serving.append(await self._start(line))
            await self.work.slack.wait_connected()
            return
        if line.startswith("haltbot restore"):
            await self.stop()
        # A new environment takes minutes and the network: that its target is whole has to do.
        shown = line.replace("make ", f"make --directory {shlex.quote(str(ROOT))} --dry-run ", 1)
        process = await self._start(shown)
        async with asyncio.timeout(SECONDS):
            out, err = await process.communicate(self._typed(line).encode())
        assert 0 == process.returncode, f"{line}\n{out.decode()}\n{err.decode()}"
        self.ran[line] = out.decode()

    async def stop(self) -> None:
        """Stop the bot, as the page says."""
        while self.serving:
            process = self.serving.pop()
            process.terminate()
            async with asyncio.timeout(SECONDS):
                await process.wait()

    def _typed(self, line: str) -> str:
        slack = self.work.slack
        if line.startswith("haltbot setup"):
            second = slack.signing_secret if "http" in line else slack.app_token
            return f"{slack.bot_token}\n{second}\n{self.work.channel.id}\n{self.work.key}\n"
        return f"{self.work.key}\n" if line.startswith("haltbot key set") else ""

    async def _start(self, line: str) -> asyncio.subprocess.Process:
        port = str(self.work.settings.haltbot_port)
        known = {"T0123ABCD": self.work.slack.team, "C0123ABCD": self.work.channel.id, ":3000/": f":{port}/"}
        for placeholder, value in known.items():
            line = line.replace(placeholder, value)
        environment = os.environ | {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "SLACK_API_URL": self.work.slack.api_url,
            "VIBECODE_API_URL": self.work.vibecode.url,
            "HALTBOT_PORT": port,
        }
        pipe = asyncio.subprocess.PIPE
        quiet = asyncio.subprocess.DEVNULL if line == "haltbot run" else pipe
        return await asyncio.create_subprocess_exec(
            "bash",
            "-c",
            f"exec {line}",
            stdin=pipe,
            stdout=quiet,
            stderr=quiet,
            env=environment,
            cwd=self.folder,
        )


@pytest.fixture(name="reader")
async def _reader(tmp_path: Path) -> AsyncIterator[Reader]:
    elsewhere, folder = tmp_path / "world", tmp_path / "clone"
    elsewhere.mkdir()
    folder.mkdir()
    async with workspace(elsewhere, mode="socket", start=False, haltbot_port=await _free_port()) as work:
        reader = Reader(work, folder)
        try:
            yield reader
        finally:
            await reader.stop()


async def _free_port() -> int:
    # The page's reader chooses a port beforehand; the system names one that nobody uses now.
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


async def test_every_command_of_the_page_works(reader: Reader):
    """From the first to the last, and at the end the channel has its bot."""
    # The HTTP variant would take the Socket Mode token out of .env: it is followed first.
    variant = [line for line in COMMANDS if "--mode http" in line]
    for line in [*variant, *(line for line in COMMANDS if line not in variant)]:
        await reader.run(line)
    texts = [message.text for message in reader.work.slack.channel_messages(reader.work.channel)]

    assert "connected" in texts[0]
    assert any("PRACTICE" in text for text in texts)
    assert json.loads(reader.ran["haltbot doctor --json"])["level"] != "fail"
    assert "haltbot_requests" in next(out for line, out in reader.ran.items() if "metrics" in line)
    assert (reader.folder / "backup.db").exists()
    assert reader.ran["haltbot audit export --format csv"].startswith("seq,")


async def test_the_page_leaves_no_command_out():
    """Each command that helps to operate is on it."""
    finished = await haltbot("--help")
    offered = set(re.findall(r"^  ([a-z]+) ", finished.out, re.MULTILINE))
    elsewhere = {"demo", "migrate", "channel"}

    assert {line.split()[1] for line in COMMANDS if line.startswith("haltbot ")} == offered - elsewhere


def test_every_metric_is_explained():
    """The table has a row for each family."""
    told = set(re.findall(r"`(haltbot_[a-z_]+)`", PAGE))
    source = (ROOT / "bot" / "observability" / "metrics.py").read_text()
    families = {
        name + ("_total" if kind == "Counter" else "")
        for kind, name in re.findall(r'(Counter|Gauge|Histogram)\(\s*"(haltbot_[a-z_]+)"', source)
    }

    assert families == told
