"""Sends commands as Slack does, one after the other, so many at once, or at a steady rate."""

import asyncio
import gc
import hashlib
import hmac
import itertools
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from contenders import SIGNING_SECRET, TEAM, Running, channel
from loopback import Requester, connect
from outside import HANGING, Outside

_NUMBERS = itertools.count(1)
JOB_SECONDS = 60


@dataclass(frozen=True)
class Latencies:
    """How long answers took, in ms."""

    milliseconds: list[float]

    @property
    def p50(self) -> float:
        return statistics.median(self.milliseconds)

    @property
    def p99(self) -> float:
        ordered = sorted(self.milliseconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]


class Sender:
    """Sends commands to one contender and waits for acknowledgements and for what is told in the channel."""

    def __init__(self, target: Running, outside: Outside, *, hanging: bool = False) -> None:
        self._target = target
        self._outside = outside
        self._prefix = HANGING if hanging else "6f0000"
        self._idle: list[Requester] = []
        self.refused = 0
        """So many commands were answered with words instead: they could not be recorded in time."""

    async def acknowledged(self) -> float:
        """Send a command; how many ms its acknowledgement took."""
        _, took = await self._send(self._new_id())
        return took

    async def told(self) -> tuple[float, float]:
        """Send a command; how many ms its acknowledgement took, and the whole job."""
        workflow_id = self._new_id()
        told = self._outside.expect(workflow_id)
        sent, took = await self._send(workflow_id)
        async with asyncio.timeout(JOB_SECONDS):
            await told
        return took, (self._outside.told[workflow_id] - sent) * 1000

    async def outcome(self) -> float:
        """Send a command; how many ms it took until its outcome was told."""
        return (await self.told())[1]

    async def send(self, workflow_id: str, *, number: int) -> None:
        """Send a command about a given instance in a given channel."""
        await self._send(workflow_id, number)

    def close(self, *, in_time: bool = True) -> None:
        """End the connections; ``in_time``: whatever was measured counts only if nothing was refused."""
        assert not (in_time and self.refused), f"{self._target.contender.name} refused {self.refused}"
        for requester in self._idle:
            requester.close()
        self._idle.clear()

    def _new_id(self) -> str:
        number = next(_NUMBERS)
        return f"{self._prefix}{number:08x}.{number % 10**8:08d}"

    async def _send(self, workflow_id: str, number: int | None = None) -> tuple[float, float]:
        place = next(_NUMBERS) if number is None else number
        form = {
            "token": "benchmark",
            "team_id": TEAM,
            "team_domain": "bench",
            "channel_id": channel(place),
            "channel_name": "ops",
            "user_id": "U1",
            "user_name": "rita",
            "command": "/terminate-workflow",
            "text": workflow_id,
            "api_app_id": "A1",
            "is_enterprise_install": "false",
            "response_url": f"http://127.0.0.1:{self._outside.slack_port}/commands/T1/{workflow_id}",
            "trigger_id": f"{workflow_id}.trigger",
        }
        if self._target.contender.socket_mode:
            sent = time.perf_counter()
            said = await self._outside.send_envelope(workflow_id, form)
            self.refused += said is not None
            return sent, (time.perf_counter() - sent) * 1000
        request = _signed(urlencode(form).encode())
        requester = self._idle.pop() if self._idle else await connect(self._target.port)
        sent = time.perf_counter()
        status, body = await requester.send(request)
        took = (time.perf_counter() - sent) * 1000
        assert status == 200, f"{self._target.contender.name} answered {status}"
        self.refused += body != b""
        self._idle.append(requester)
        return sent, took


async def at_once(
    send: Callable[[], Awaitable[float]], *, total: int, at_a_time: int
) -> tuple[Latencies, float]:
    """Keep so many under way until all are done; the latencies, and how many a second it were."""
    left = iter(range(total))
    took: list[float] = []

    async def work() -> None:
        for _ in left:
            took.append(await send())  # noqa: PERF401 -- several workers share the list

    with _undisturbed():
        began = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(at_a_time)))
        seconds = time.perf_counter() - began
    return Latencies(took), total / seconds


async def at_a_rate(send: Callable[[], Awaitable[float]], *, per_second: float, seconds: float) -> Latencies:
    """Send at a steady rate, whether or not the answers keep up with it."""
    sending: list[asyncio.Future[float]] = []
    with _undisturbed():
        began = time.perf_counter()
        for number in range(round(per_second * seconds)):
            wait = began + number / per_second - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            sending.append(asyncio.ensure_future(send()))
        return Latencies(list(await asyncio.gather(*sending)))


class _undisturbed:  # noqa: N801 -- reads as a phrase after ``with``
    """Keeps our own garbage collection out of what is measured."""

    def __enter__(self) -> None:
        gc.collect()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        gc.enable()


def _signed(body: bytes) -> bytes:
    timestamp = str(int(time.time()))
    base = b"v0:" + timestamp.encode() + b":" + body
    signature = "v0=" + hmac.new(SIGNING_SECRET.encode(), base, hashlib.sha256).hexdigest()
    head = (
        "POST /slack/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"X-Slack-Request-Timestamp: {timestamp}\r\nX-Slack-Signature: {signature}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
