"""Several bots as real processes on one PostgreSQL, with a balancer before them, and what can befall them."""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from forking import Fork, fork
from processes import variables
from workspace import Workspace

from bot.config.settings import Settings

ROOT = Path(__file__).parents[2]
START_SECONDS = 120
END_SECONDS = 30
_LISTENING = re.compile(r"Listening on http://[\d.]+:(\d+)")


class NginxMissing(Exception):
    """This machine has no nginx."""


class NotStarted(Exception):
    """The process ended before it listened; the message is its log."""


@dataclass
class Replica:
    """One process, which keeps its port when it is started again; what it logs is kept."""

    settings: Settings
    folder: Path
    port: int = 0
    log: list[str] = field(default_factory=list)
    process: Fork | None = None
    _reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start it; returns when it listens. Raises NotStarted."""
        # Its name does not matter to it: a replica that comes back is a new owner.
        environment = variables(self.settings) | {"HALTBOT_PORT": str(self.port)}
        self.process = await fork(["run"], os.environ | environment, folder=self.folder)
        listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._reading = asyncio.create_task(self._read(listening))
        async with asyncio.timeout(START_SECONDS):
            self.port = await listening

    async def kill(self) -> None:
        """As kill -9 does, or a machine that loses its power."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """As a deployment does; returns the exit code."""
        return await self._end(signal.SIGTERM)

    def freeze(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def _end(self, number: signal.Signals) -> int:
        assert self.process is not None
        assert self._reading is not None
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(END_SECONDS):
            code = await self.process.wait()
            await self._reading
        return code

    async def _read(self, listening: asyncio.Future[int]) -> None:
        assert self.process is not None
        while line := (await self.process.stderr.readline()).decode():
            self.log.append(line)
            if (found := _LISTENING.search(line)) and not listening.done():
                listening.set_result(int(found[1]))
        if not listening.done():
            listening.set_exception(NotStarted("".join(self.log[-30:])))


@dataclass
class Cluster:
    """A workspace whose bot is several replicas."""

    work: Workspace
    replicas: list[Replica]

    async def acked(self, text: str) -> float:
        """Send a command that must be acknowledged; returns how many milliseconds that took."""
        delivery = await self.work.command(text)
        assert delivery.ok, (delivery.error, delivery.status, [r.log[-5:] for r in self.replicas])
        return delivery.ack_ms

    def told(self, instance: str) -> list[str]:
        """What the channel says about an instance."""
        messages = self.work.slack.channel_messages(self.work.channel)
        return [message.text for message in messages if instance in message.text]

    async def all_told(self, instances: list[str], beginnings: tuple[str, ...], within: float) -> None:
        """Wait until there is one message for each of them, and it begins so."""

        def said() -> bool:
            return all(
                len(texts := self.told(instance)) == 1 and texts[0].startswith(beginnings)
                for instance in instances
            )

        await self.work.slack.wait_for(said, within)

    async def recorded(self, name: str, within: float) -> None:
        """Wait until the audit has a line of this name."""
        async with asyncio.timeout(within):
            while True:
                if await self.lines(name):
                    return
                await asyncio.sleep(0.02)

    async def lines(self, name: str) -> list[dict[str, object]]:
        """The audit's lines of this name."""
        return [line for line in await self.work.audit() if line["event"] == name]


@contextlib.asynccontextmanager
async def cluster(work: Workspace, folder: Path, *, replicas: int, balanced: bool) -> AsyncIterator[Cluster]:
    """Run a workspace's bot as replicas; Slack reaches them through nginx, or each by its own socket; one alone directly."""
    opened = Cluster(work, [Replica(work.settings, folder) for _ in range(replicas)])
    try:
        await asyncio.gather(*(replica.start() for replica in opened.replicas))
        if balanced:
            async with _balancer([replica.port for replica in opened.replicas], folder) as port:
                work.slack.deliver_by_http(f"http://127.0.0.1:{port}/slack/events")
                await asyncio.gather(*(_ready(replica) for replica in opened.replicas))
                yield opened
        elif work.settings.socket_mode:
            await work.slack.wait_connected(replicas, START_SECONDS)
            yield opened
        else:
            (only,) = opened.replicas
            work.slack.deliver_by_http(f"http://127.0.0.1:{only.port}/slack/events")
            yield opened
    finally:
        for replica in opened.replicas:
            if replica.runs:
                replica.thaw()
                await replica.kill()


@contextlib.asynccontextmanager
async def _balancer(ports: list[int], folder: Path) -> AsyncIterator[int]:
    """Run nginx with the configuration that is published, but for its addresses."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if program is None:
        raise NginxMissing("nginx is not on this machine")
    port = free_port()
    configuration = nginx_configuration(ports, f"127.0.0.1:{port}", folder)
    path = folder / "nginx.conf"
    path.write_text(configuration)
    process = await asyncio.create_subprocess_exec(
        program, "-c", str(path), "-e", str(folder / "nginx.log"), "-g", "daemon off;", cwd=folder
    )
    try:
        async with asyncio.timeout(START_SECONDS):
            while not await _answers(port):
                assert process.returncode is None, (folder / "nginx.log").read_text()
                await asyncio.sleep(0.02)
        yield port
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(END_SECONDS):
            await process.wait()


def nginx_configuration(ports: list[int], listen: str, folder: Path) -> str:
    """Read deploy/nginx.conf and put this machine's addresses into it."""
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    servers = re.compile(r"^ +server replica-\d:3000(.*);\n", re.MULTILINE)
    options = servers.findall(text)[0]
    lines = "".join(f"        server 127.0.0.1:{port}{options};\n" for port in ports)
    text = servers.sub("", text.replace("        keepalive 16;", f"{lines}        keepalive 16;", 1))
    return text.replace("listen 8080;", f"listen {listen};").replace(" /tmp/", f" {folder}/nginx-")


def free_port() -> int:
    """Ask the system for a port, for a program that cannot be told to choose one."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def _ready(replica: Replica) -> None:
    async with asyncio.timeout(START_SECONDS), httpx.AsyncClient(timeout=START_SECONDS) as client:
        while True:
            answer = await client.get(f"http://127.0.0.1:{replica.port}/readyz")
            if answer.status_code == httpx.codes.OK:
                return
            await asyncio.sleep(0.1)
