"""Trouble on demand: errors, rate limits, hanging and cut connections for chosen methods."""

import asyncio
from collections import Counter, deque
from dataclasses import dataclass

from sandbox.slack.errors import ConnectionCut, SlackRefusal

ANY_METHOD = "*"
DELIVERY = "delivery"


@dataclass(frozen=True)
class Fault:
    error: str
    status: int
    retry_after: int | None


class Faults:
    """The faults that are still to happen, per method, and whether Slack is down altogether."""

    def __init__(self) -> None:
        self.down = False
        self.closing = asyncio.Event()
        self._planned: dict[str, deque[Fault]] = {}

    def plan(self, method: str, error: str, *, times: int, status: int, retry_after: int | None) -> None:
        if error == "ratelimited":
            status, retry_after = 429, 1 if retry_after is None else retry_after
        fault = Fault(error, status, retry_after)
        self._planned.setdefault(method, deque()).extend([fault] * times)

    def clear(self) -> None:
        self._planned.clear()
        self.down = False

    @property
    def planned(self) -> list[tuple[str, str, int]]:
        """The method, the error and the number of times of everything that is still to happen."""
        return [
            (method, error, count)
            for method, faults in self._planned.items()
            for error, count in Counter(fault.error for fault in faults).items()
        ]

    def next_delivery_error(self) -> str | None:
        """How the next thing that Slack sends to the bot is to fail, if it is."""
        planned = self._planned.get(DELIVERY)
        return planned.popleft().error if planned else None

    async def before(self, method: str) -> bool:
        """Make the next planned fault of this method happen.

        Returns whether the connection is to be cut once the call has acted.
        Raises SlackRefusal or ConnectionCut.
        """
        if self.down:
            raise ConnectionCut
        planned = self._planned.get(method) or self._planned.get(ANY_METHOD)
        if not planned:
            return False
        fault = planned.popleft()
        if fault.error == "drop_after":
            return True
        if fault.error == "drop":
            raise ConnectionCut
        if fault.error == "hang":
            await self.closing.wait()
            raise ConnectionCut
        raise SlackRefusal(fault.error, status=fault.status, retry_after=fault.retry_after)
