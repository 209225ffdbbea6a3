"""httpx over aiohttp's connections: the same errors, the same bytes, and nothing sent twice."""

import asyncio
import contextlib
import gc
import gzip
import socket
import ssl
import weakref
from typing import Any

import aiohttp
import httpx
import pytest

from bot.vibecode.client import open_client
from bot.vibecode.transport import _FAILURES


class Server:
    """Answers each request with the next of the answers, and hangs up where there is none."""

    def __init__(self, *answers):
        self.requests = []
        self._answers = list(answers)
        self._serving = set()

    async def serve(self, reader, writer):
        self._serving.add(asyncio.current_task())
        # Whoever asks may hang up first.
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
                if not self._answers:
                    break
                writer.write(self._answers.pop(0))
                await writer.drain()
        writer.close()

    @contextlib.asynccontextmanager
    async def running(self):
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        async with server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            server.close()
        await asyncio.gather(*self._serving)
        await asyncio.sleep(0)  # The closed connections say goodbye in the loop's next round.


def answer(body=b"{}", *headers):
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def _with_subclasses(kind):
    return {kind}.union(*(_with_subclasses(sub) for sub in kind.__subclasses__()))


BEFORE_IT_WAS_SENT = (httpx.ConnectTimeout, httpx.ProxyError, httpx.ConnectError, httpx.UnsupportedProtocol)


async def test_every_error_of_aiohttp_is_mapped():
    """Each class has its place; only those of the connection's making say that nothing was sent."""
    unsent = {
        kind
        for kind in _with_subclasses(aiohttp.ClientError)
        if next(theirs for ours, theirs in _FAILURES if issubclass(kind, ours)) in BEFORE_IT_WAS_SENT
    }

    made = _with_subclasses(aiohttp.ClientConnectorError)
    proxies = {aiohttp.ClientHttpProxyError}
    addresses = _with_subclasses(aiohttp.InvalidURL) | {
        kind
        for kind in _with_subclasses(aiohttp.ClientError)
        if issubclass(kind, aiohttp.NonHttpUrlClientError)
    }
    assert made | proxies | addresses | {aiohttp.ConnectionTimeoutError} == unsent


@pytest.mark.parametrize("method", ["DELETE", "GET", "PUT"])
async def test_a_request_is_sent_once_on_a_connection_that_is_lost(method):
    """aiohttp by itself repeats these methods on a new connection, and tells nobody."""
    server = Server(answer())
    async with server.running() as url, open_client(url) as http:
        await http.get("/first")
        with pytest.raises(httpx.RemoteProtocolError):
            await http.request(method, "/second")

    assert [f"{method} /second"] == [" ".join(each.split()[:2]) for each in server.requests[1:]]


async def test_a_connection_is_used_again():
    """Two calls that follow each other share it."""
    server = Server(answer(), answer())
    async with server.running() as url, open_client(url) as http:
        await http.get("/first")
        await http.get("/second")

        assert 1 == len(server._serving)


@pytest.mark.parametrize("read", [True, False])
async def test_an_answer_is_gone_with_the_last_who_holds_it(read):
    """Thousands that wait for Python's search for cycles make it stop everything for longer than a flush."""
    async with Server(answer()).running() as address, open_client(address) as http:
        gc.disable()
        try:
            async with http.stream("GET", "/") as response:
                if read:
                    assert await response.aread() == b"{}"
            left = weakref.ref(response)
            del response
            assert left() is None
        finally:
            gc.enable()


async def test_an_address_is_sent_as_it_was_built():
    """What is quoted stays quoted, also where it would not have to be."""
    server = Server(answer())
    async with server.running() as url, open_client(url) as http:
        await http.get("/v1/workflows/a%2Fb%7E%2e?status=%D1%8F%20%26+1")

    assert "/v1/workflows/a%2Fb%7E%2e?status=%D1%8F%20%26+1" == server.requests[0].split()[1]


async def test_a_compressed_body_is_read():
    """It is httpx that decodes it, once."""
    server = Server(answer(gzip.compress(b'{"data": []}'), "Content-Encoding: gzip"))
    async with server.running() as url, open_client(url) as http:
        response = await http.get("/")

    assert {"data": []} == response.json()


async def test_a_proxy_of_the_environment_is_used(monkeypatch):
    """As httpx does with its own transport."""
    server = Server(answer())
    async with server.running() as url:
        monkeypatch.setenv("HTTP_PROXY", url)
        async with open_client("http://vibecode.example") as http:
            await http.get("/v1/me")

    assert "http://vibecode.example/v1/me" == server.requests[0].split()[1]


async def test_no_proxy_is_used_where_the_environment_says_so(monkeypatch):
    """NO_PROXY names the hosts that are reached directly."""
    server = Server(answer())
    async with server.running() as url:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        async with open_client(url) as http:
            await http.get("/v1/me")

    assert "/v1/me" == server.requests[0].split()[1]


async def test_a_proxy_that_cannot_be_reached_is_told_as_such(monkeypatch):
    """Nothing was sent to anybody."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{port}")
    async with open_client("http://vibecode.example") as http:
        with pytest.raises(httpx.ProxyError):
            await http.get("/v1/me")


async def test_a_header_that_cannot_be_sent_is_a_local_error():
    """It never reaches the other side."""
    server = Server()
    async with server.running() as url, open_client(url) as http:
        with pytest.raises(httpx.LocalProtocolError):
            await http.get("/", headers={"X-Api-Key": "one\r\nX-Other: two"})

    assert [] == server.requests


async def test_certificates_are_checked_as_httpx_checks_them():
    """The context is httpx's own: it wants a certificate that fits the host."""
    async with open_client("https://vibecode.example") as http:
        transport: Any = http._transport
        context = transport._session.connector._ssl

    assert (ssl.CERT_REQUIRED, True) == (context.verify_mode, context.check_hostname)
