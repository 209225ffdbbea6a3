"""Carries httpx's requests on aiohttp's connections, whose pool does not get slower the more calls are under way.

httpx 0.28's own pool looks through all of its connections at every change of one of them (encode/httpx#3215):
with dozens of calls in flight that alone takes longer than everything else that a termination costs.
"""

import contextlib
import ssl
from collections.abc import AsyncIterator, Iterator

import aiohttp
import httpx
import yarl

from bot.config.proxies import proxy_for

_KEEPALIVE_SECONDS = 5.0
"""httpx's own; the longer a connection is idle, the likelier the other side has just hung up."""

# The first class that fits decides. Whatever comes before a connection is there was not sent.
_FAILURES: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (aiohttp.ClientProxyConnectionError, httpx.ProxyError),
    (aiohttp.ClientHttpProxyError, httpx.ProxyError),
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (ssl.CertificateError, httpx.ConnectError),
    (aiohttp.NonHttpUrlClientError, httpx.UnsupportedProtocol),
    (aiohttp.InvalidURL, httpx.UnsupportedProtocol),
    (TimeoutError, httpx.ReadTimeout),
    (aiohttp.ClientOSError, httpx.ReadError),
    (aiohttp.ClientError, httpx.RemoteProtocolError),
)


class AiohttpTransport(httpx.AsyncBaseTransport):
    """Sends each request once. ``base_url`` decides which of the environment's proxies is used, if any."""

    def __init__(self, base_url: str, *, max_connections: int) -> None:
        self._proxy = proxy_for(base_url)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=httpx.create_ssl_context(),
                limit=max_connections,
                keepalive_timeout=_KEEPALIVE_SECONDS,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            # httpx decodes what it is given.
            auto_decompress=False,
        )
        # aiohttp would send a DELETE again when its connection is lost, and tell nobody: whether to repeat is
        # decided by who looks first.
        self._session._retry_connection = False  # noqa: SLF001 -- aiohttp 3.14 has no other way to say so

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        timeouts = request.extensions.get("timeout", {})
        with _in_terms_of_httpx(request):
            response = await self._session.request(
                request.method,
                yarl.URL(str(request.url), encoded=True),
                headers=[(name.decode(), value.decode()) for name, value in request.headers.raw],
                data=await request.aread() or None,
                allow_redirects=False,
                proxy=self._proxy,
                timeout=aiohttp.ClientTimeout(
                    total=None, connect=timeouts.get("connect"), sock_read=timeouts.get("read")
                ),
            )
        return _Response(
            response.status,
            headers=response.raw_headers,
            stream=_Body(request, response),
            extensions={"http_version": b"HTTP/1.1"},
        )

    async def aclose(self) -> None:
        await self._session.close()


class _Response(httpx.Response):
    """An answer that is gone as soon as nobody holds it.

    httpx 0.28 binds an answer's stream to the answer as well: each would wait for Python's search for cycles, which
    then stops everything for some milliseconds.
    """

    async def aclose(self) -> None:
        await super().aclose()
        self.stream = httpx.ByteStream(b"")


class _Body(httpx.AsyncByteStream):
    """The answer's body as it arrives."""

    def __init__(self, request: httpx.Request, response: aiohttp.ClientResponse) -> None:
        self._request = request
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _in_terms_of_httpx(self._request):
            async for chunk in self._response.content.iter_any():
                yield chunk

    async def aclose(self) -> None:
        # What was read to its end has given its connection back by itself; any other is of no use any more.
        self._response.close()


@contextlib.contextmanager
def _in_terms_of_httpx(request: httpx.Request) -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientError, TimeoutError, ssl.CertificateError) as error:
        theirs = next(theirs for kind, theirs in _FAILURES if isinstance(error, kind))
        raise theirs(str(error), request=request) from error
    except ValueError as error:
        raise httpx.LocalProtocolError(str(error), request=request) from error
