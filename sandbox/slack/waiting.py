"""Waiting for something to become true in the sandbox, woken by its changes instead of by polling."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Changes:
    """Wakes whoever waits each time something happens."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def notify(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    async def wait_for(self, predicate: Callable[[], T | None], timeout: float, seen: Callable[[], str]) -> T:  # noqa: ASYNC109 - the limit is part of what is asked for
        """The first true value of ``predicate``; one that looks up what is not there yet counts as false.

        Raises TimeoutError with what there was to see instead.
        """
        value: T | None = None
        try:
            async with asyncio.timeout(timeout):
                while True:
                    woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                    self._waiting.add(woken)
                    try:
                        value = _value_of(predicate)
                        if value:
                            return value
                        await woken
                    finally:
                        self._waiting.discard(woken)
        except TimeoutError:
            raise TimeoutError(f"still {value!r} after {timeout} s; {seen()}") from None


def _value_of(predicate: Callable[[], T | None]) -> T | None:
    try:
        return predicate()
    except LookupError:
        return None
