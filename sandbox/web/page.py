"""Serves the sandbox as a web page, to this machine alone."""

import contextlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Protocol

from aiohttp import web

from sandbox.slack import SlackSandbox
from sandbox.vibecode import VibecodeSandbox
from sandbox.web.acts import CannotDo, Json, PageActs
from sandbox.web.commands import declared
from sandbox.web.inspector import details
from sandbox.web.stream import Viewer
from sandbox.web.traffic import Traffic

STATIC = Path(__file__).parent / "static"
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Sandboxes(Protocol):
    """What the page shows: a running Slack and a running Vibecode, with the bot between them."""

    @property
    def slack(self) -> SlackSandbox: ...

    @property
    def vibecode(self) -> VibecodeSandbox: ...


@contextlib.asynccontextmanager
async def open_page(world: Sandboxes, *, port: int = 0, bot_url: str | None = None) -> AsyncIterator[str]:
    """Serve the page and give its address; ``bot_url`` is where the bot's health and metrics are.

    Raises OSError when the port is taken.
    """
    page = _Page(world.slack, world.vibecode, bot_url)
    runner = web.AppRunner(page.application(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        page.close()
        await runner.cleanup()


class _Page:
    def __init__(self, slack: SlackSandbox, vibecode: VibecodeSandbox, bot_url: str | None) -> None:
        self._slack = slack
        self._vibecode = vibecode
        self._bot_url = bot_url
        self._commands = declared()
        self._acts = PageActs(slack, vibecode, self._commands)
        self._viewers: set[Viewer] = set()
        self._traffic = Traffic(slack, vibecode, self._wake)
        self._closing = False

    def application(self) -> web.Application:
        app = web.Application(middlewares=[_for_this_machine_only])
        app.router.add_get("/", self._index)
        app.router.add_get("/events", self._events)
        app.router.add_get("/traffic/{number}", self._exchange)
        app.router.add_get("/bot/{what:healthz|readyz|metrics}", self._bot)
        app.router.add_post("/do/{act}", self._do)
        app.router.add_static("/static", STATIC)
        return app

    def close(self) -> None:
        self._closing = True
        self._traffic.close()
        self._wake()

    def _wake(self) -> None:
        for viewer in self._viewers:
            viewer.wake()

    async def _index(self, _: web.Request) -> web.StreamResponse:
        return web.FileResponse(STATIC / "index.html")

    async def _bot(self, request: web.Request) -> web.StreamResponse:
        if self._bot_url is None:
            raise web.HTTPNotFound(text="The bot's own address is not known here.")
        raise web.HTTPFound(f"{self._bot_url.rstrip('/')}/{request.match_info['what']}")

    async def _events(self, request: web.Request) -> web.StreamResponse:
        viewer = Viewer(
            self._slack,
            self._vibecode,
            self._traffic,
            self._commands,
            person=request.query.get("as", ""),
            place=request.query.get("in", ""),
        )
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"} | _HEADERS)
        await response.prepare(request)
        self._viewers.add(viewer)
        try:
            while not self._closing:
                await response.write(viewer.news())
                await viewer.wait()
        except ConnectionError:
            # The page was closed; nobody is left to tell.
            return response
        finally:
            self._viewers.discard(viewer)
        return response

    async def _exchange(self, request: web.Request) -> web.StreamResponse:
        number = request.match_info["number"]
        # Python refuses to read a number of thousands of digits.
        entry = self._traffic.entry(int(number)) if re.fullmatch(r"[0-9]{1,9}", number) else None
        if entry is None:
            raise web.HTTPNotFound(text="That is no longer kept.")
        return web.Response(text=details(entry), content_type="text/html")

    async def _do(self, request: web.Request) -> web.StreamResponse:
        # A page elsewhere can send forms and text here, but not JSON without being asked first.
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType
        try:
            answer = await self._acts.do(request.match_info["act"], await _sent(request))
        except CannotDo as why:
            return web.json_response({"error": str(why)}, status=422)
        finally:
            self._wake()
        return web.json_response(answer)


async def _sent(request: web.Request) -> Json:
    """Read what the page sends. Raises HTTPBadRequest, CannotDo."""
    try:
        sent = await request.json()
        # Half of a surrogate pair is JSON, but no text that could be shown.
        json.dumps(sent, ensure_ascii=False).encode()
    except (ValueError, LookupError, RecursionError) as wrong:
        raise web.HTTPBadRequest(text="What was sent cannot be read as JSON.") from wrong
    if not isinstance(sent, dict):
        raise CannotDo('A JSON object is needed, such as {"person": "U…", "place": "C…", "text": "hello"}.')
    return sent


@web.middleware
async def _for_this_machine_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse names that were made to point here, and let the page load nothing from elsewhere."""
    name = request.host.rpartition(":")[0] or request.host
    if name not in {"127.0.0.1", "localhost"}:
        raise web.HTTPForbidden(text="This page is for this machine only.")
    response = await handler(request)
    if not response.prepared:
        response.headers.update(_HEADERS)
    return response
