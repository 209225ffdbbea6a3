"""Every call that the local Vibecode was sent, for tests and for the page that shows them."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import unquote

from aiohttp import web

from sandbox.vibecode.api import WORKFLOWS
from sandbox.vibecode.keys import masked

_LOOK_SECONDS = 0.02
_MASKED = {"x-api-key", "authorization"}

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Call:
    """One request as it arrived; ``status`` is None until it is answered, if it ever is."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    at: float
    instance: str | None = None
    status: int | None = None
    #: The call terminated an instance, whatever its answer says.
    executed: bool = False
    #: The answer's body, with keys masked.
    answer: str = ""
    #: The connection was cut instead of answering.
    cut: bool = False


class CallLog:
    """The calls in the order in which they came, with every key masked."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.calls: list[Call] = []
        self._clock = clock
        self._listeners: list[Callable[[Call], None]] = []
        self._changed = asyncio.Event()

    def deletes(self, instance_id: str | None = None) -> list[Call]:
        """List the DELETE calls, all or those for one instance."""
        found = [call for call in self.calls if call.method == "DELETE"]
        return found if instance_id is None else [call for call in found if call.instance == instance_id]

    def listen(self, callback: Callable[[Call], None]) -> Callable[[], None]:
        """Show every call to ``callback`` when it arrives and when it ends. Returns what stops that."""
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    async def wait_for(self, predicate: Callable[[], T | None], timeout: float = 20) -> T:  # noqa: ASYNC109 - its name in every sandbox
        """Wait until ``predicate`` is true and return its value. Raises TimeoutError with the last calls."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while not (found := predicate()):
                    self._changed.clear()
                    # Instances change as time passes, without a call that would wake us.
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(_LOOK_SECONDS):
                            await self._changed.wait()
                return found
        seen = [f"{call.method} {call.path} -> {call.status}" for call in self.calls[-10:]]
        raise TimeoutError(f"it did not happen within {timeout} s; the last calls: {seen}")

    def _record(self, request: web.Request) -> Call:
        start, _, instance = request.rel_url.raw_path.rpartition("/")
        call = Call(
            method=request.method,
            path=masked(request.path),
            query={name: masked(value) for name, value in request.query.items()},
            headers={
                name: (masked(value) if "vibe_" in value else "…") if name.lower() in _MASKED else value
                for name, value in request.headers.items()
            },
            at=self._clock(),
            instance=unquote(instance) if start == WORKFLOWS else None,
        )
        self.calls.append(call)
        self._tell(call)
        return call

    def _answered(self, call: Call, answer: web.StreamResponse) -> None:
        call.status = answer.status
        # Only a listener wants to read it; a load test must not keep every list it was sent.
        if self._listeners and isinstance(answer, web.Response) and isinstance(answer.body, bytes):
            call.answer = masked(answer.body.decode(errors="replace"))
        self._tell(call)

    def _tell(self, call: Call) -> None:
        self._changed.set()
        for listener in self._listeners:
            listener(call)
