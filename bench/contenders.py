"""The programs that are compared, each a process of its own on a core of its own."""

import asyncio
import base64
import contextlib
import os
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from loopback import connect, free_port
from outside import Outside

from bot.channels.keys import Keys
from bot.config.vault import AesVault
from bot.store.opening import open_store

BENCH = Path(__file__).parent
PYTHON = str(BENCH.parent / ".venv" / "plain" / "bin" / "python")
"""With what the product needs, and nothing else; ``make bench`` sets it up."""
SERVER_CORE, LOAD_CORE = 0, 1
TEAM, CHANNELS = "T1", 64
SIGNING_SECRET = "benchmark-signing-secret"
API_KEY = "vibe_api_" + "k" * 40
_VAULT_KEY = b"k" * 32
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
START_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Contender:
    """What is compared; ``program`` is an argument of Python's."""

    name: str
    program: tuple[str, ...]
    durable: bool = False
    socket_mode: bool = False
    environment: dict[str, str] = field(default_factory=dict)


HALTBOT = Contender(name="Haltbot, HTTP", program=("-m", "bot", "run"), durable=True)
HALTBOT_SOCKET = Contender(
    name="Haltbot, Socket Mode", program=("-m", "bot", "run"), durable=True, socket_mode=True
)
TUNED = Contender(name="Bolt and httpx, tuned by hand", program=(str(BENCH / "bare" / "tuned_bolt.py"),))
TUNED_AIOHTTP = Contender(
    name="Bolt and aiohttp, tuned by hand",
    program=(str(BENCH / "bare" / "tuned_bolt.py"),),
    environment={"VIBECODE_CLIENT": "aiohttp"},
)
SHARED = Contender(
    name="Bolt as it comes, one httpx client",
    program=(str(BENCH / "bare" / "default_bolt.py"),),
    environment={"SHARED_CLIENT": "1"},
)
DEFAULT = Contender(
    name="Bolt and httpx as people write it", program=(str(BENCH / "bare" / "default_bolt.py"),)
)
RAW = Contender(name="raw aiohttp (floor)", program=(str(BENCH / "bare" / "raw_aiohttp.py"),))
ALL = (HALTBOT, HALTBOT_SOCKET, TUNED, TUNED_AIOHTTP, SHARED, DEFAULT, RAW)


@dataclass
class Running:
    """A contender that runs."""

    contender: Contender
    process: subprocess.Popen[bytes]
    port: int
    started: float
    """When it was started, by ``perf_counter``."""

    def cpu_seconds(self) -> float:
        """The processor's time that all of its threads have used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def resident_mb(self) -> float:
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * _PAGE / 1e6


@contextlib.asynccontextmanager
async def running(
    contender: Contender, outside: Outside, folder: Path, **environment: str
) -> AsyncIterator[Running]:
    """Start a contender in its own folder, wait until it listens, and end it afterwards."""
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 -- nothing else goes on yet
    port = free_port()
    variables = {
        "SLACK_BOT_TOKEN": "xoxb-benchmark",
        "SLACK_SIGNING_SECRET": SIGNING_SECRET,
        "SLACK_API_URL": f"http://127.0.0.1:{outside.slack_port}/api/",
        "VIBECODE_API_URL": f"http://127.0.0.1:{outside.vibecode_port}",
        "VIBECODE_API_KEY": API_KEY,
        "HALTBOT_PORT": str(port),
        # Each channel has a key of its own, and none of them is to be held back.
        "HALTBOT_VIBECODE_RATE": "1000",
        "HALTBOT_ENCRYPTION_KEYS": base64.b64encode(_VAULT_KEY).decode(),
        "DATABASE_URL": f"sqlite:///{folder / 'haltbot.db'}",
    }
    if contender.socket_mode:
        variables["SLACK_APP_TOKEN"] = "xapp-benchmark"
    variables |= contender.environment | environment
    if contender.durable:
        await give_keys(variables["DATABASE_URL"])
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(  # noqa: ASYNC220 -- it is started, not waited for
            ["taskset", "-c", str(SERVER_CORE), PYTHON, *contender.program],
            env=_environment() | variables,
            cwd=BENCH.parent,
            stdout=log,
            stderr=log,
        )
    started = Running(contender, process, port, perf_counter())
    try:
        await _listening(started)
        if contender.socket_mode:
            await outside.connected()
        yield started
    finally:
        # Nobody waits for what is still under way.
        process.kill()
        process.wait()


def _environment() -> dict[str, str]:
    """Ours, but with bytecode, which whatever was installed by pip has."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


async def give_keys(database_url: str) -> None:
    """Give every channel a key of its own, as 64 teams would have."""
    store = await open_store(database_url, owner="benchmark", shared=True)
    try:
        keys = Keys(store, AesVault([_VAULT_KEY]))
        for number in range(CHANNELS):
            await keys.set(TEAM, channel(number), f"{API_KEY}{number:04d}", None, by="benchmark")
    finally:
        await store.close()


def channel(number: int) -> str:
    return f"C{number % CHANNELS:04d}"


async def _listening(started: Running) -> None:
    async with asyncio.timeout(START_SECONDS):
        while True:
            if started.process.poll() is not None:
                raise RuntimeError(f"{started.contender.name} ended while it was starting; see its log")
            try:
                (await connect(started.port)).close()
            except OSError:
                await asyncio.sleep(0.002)
            else:
                return
