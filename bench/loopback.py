"""HTTP over loopback with next to nothing around it, so that what is measured is the other side."""

import asyncio
import re
import socket
from collections.abc import Callable

_LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)
_END_OF_HEAD = b"\r\n\r\n"


class _Messages(asyncio.Protocol):
    """Cuts a stream into HTTP messages that state their length."""

    def __init__(self) -> None:
        self._received = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (head_ends := self._received.find(_END_OF_HEAD)) >= 0:
            head = self._received[:head_ends]
            found = _LENGTH.search(head)
            ends = head_ends + len(_END_OF_HEAD) + (int(found[1]) if found else 0)
            if len(self._received) < ends:
                return
            body, self._received = self._received[head_ends + len(_END_OF_HEAD) : ends], self._received[ends:]
            self.message(head, body)

    def message(self, head: bytes, body: bytes) -> None:
        raise NotImplementedError

    def write(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)


class Requester(_Messages):
    """A kept-alive connection that sends one request at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """Send, and return the answer's status and body."""
        self._answer = asyncio.get_running_loop().create_future()
        self.write(request)
        return await self._answer

    def message(self, head: bytes, body: bytes) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((int(head[9:12]), body))

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("the connection was closed before the answer"))

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()


async def connect(port: int) -> Requester:
    _, requester = await asyncio.get_running_loop().create_connection(Requester, "127.0.0.1", port)
    return requester


class Connection(_Messages):
    """A connection of a server; ``receive`` is given the request and answers it, now, later or never."""

    def __init__(self, receive: Callable[["Connection", bytes, bytes], None]) -> None:
        super().__init__()
        self._receive = receive

    def message(self, head: bytes, body: bytes) -> None:
        self._receive(self, head[: head.find(b"\r\n")], body)

    def answer(self, body: bytes, status: bytes = b"200 OK") -> None:
        self.write(
            b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (status, len(body), body)
        )

    def answer_nothing(self) -> None:
        """Write the answer that has no body, and so no length."""
        self.write(b"HTTP/1.1 204 No Content\r\n\r\n")


async def listen(receive: Callable[[Connection, bytes, bytes], None]) -> tuple[asyncio.Server, int]:
    """Start a server on a port that the system chooses."""
    server = await asyncio.get_running_loop().create_server(lambda: Connection(receive), "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
