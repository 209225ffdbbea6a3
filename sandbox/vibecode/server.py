"""The local Vibecode's server, and what a test or a person can do with it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from sandbox.vibecode.api import Api
from sandbox.vibecode.call_log import Call, CallLog
from sandbox.vibecode.instances import Instance, Instances, Step
from sandbox.vibecode.keys import Key, Keys, Session, new_value
from sandbox.vibecode.oauth import OAuth
from sandbox.vibecode.trouble import UNANSWERED, Trouble, Troubles

_LONGEST_LINE = 256 * 1024  # A reason of 3,000 emojis makes an address of 36 KB.


class VibecodeSandbox(CallLog):
    """A Vibecode on this computer. What it knows outlives ``stop``, which makes it refuse connections."""

    def __init__(self, *, portal: str = "demo.bitrix24.com", clock: Callable[[], float] = time.time) -> None:
        super().__init__(clock)
        #: Seconds that every answer takes.
        self.latency = 0.0
        #: Every request's connection is cut before anything happens.
        self.down = False
        self._instances = Instances(clock)
        self.key_ring = Keys(clock)
        self._troubles = Troubles()
        self._api = Api(portal, self._instances, self.key_ring, self._troubles)
        self._oauth = OAuth(self.key_ring, self._troubles, clock)
        self._stopping = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def start(self, port: int = 0) -> None:
        """Listen on this port, without one on the port it had before, at first on any free one."""
        app = web.Application(middlewares=[self._every_call])
        app.add_routes(
            [
                *self._api.routes(),
                *self._oauth.routes(),
                web.route("*", "/{elsewhere:.*}", self._elsewhere),
            ]
        )
        self._stopping.clear()
        self._runner = web.AppRunner(
            app,
            access_log=None,
            shutdown_timeout=1,
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_LINE,
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port or self._port).start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        self._stopping.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def add_key(
        self,
        value: str | None = None,
        *,
        access_mode: str = "READWRITE",
        scopes: Sequence[str] = ("bizproc",),
        expires_at: float | None = None,
        owner: str = "1",
        rate_per_minute: int | None = None,
        active: bool = True,
        tokens: bool = True,
        admin: bool = True,
        redirect_uris: Sequence[str] = (),
    ) -> str:
        """Issue a key and return its value; ``admin`` tells whether its owner is a portal administrator."""
        key = Key(
            value or new_value("api"),
            access_mode,
            tuple(scopes),
            expires_at,
            owner,
            rate_per_minute,
            active,
            tokens,
            admin,
            tuple(redirect_uris),
        )
        self.key_ring.keys[key.value] = key
        return key.value

    def key(self, value: str) -> Key:
        """Give the key's properties, to be changed at will."""
        return self.key_ring.keys[value]

    def add_session(
        self, key: str, token: str | None = None, user: str = "1", expires_at: float | None = None
    ) -> str:
        """Connect a user to an application's key for a day, unless told otherwise."""
        expires_at = self._clock() + 86_400 if expires_at is None else expires_at
        session = Session(key, token or new_value("session"), user, expires_at)
        self.key_ring.sessions[session.token] = session
        return session.token

    def approve(self, state: str, *, user: str = "1", name: str = "Demo Administrator") -> str | None:
        """Do what a person does on the authorise page; returns the address that the browser is sent to."""
        return self._oauth.approve(state, user=user, name=name)

    def start_instance(
        self,
        *,
        template: str = "713",
        document: str = "DEAL_5141",
        entity: str = "CCrmDocumentDeal",
        started_by: str = "7",
        steps: Sequence[float | Step] = (3600,),
        stuck: bool = False,
        writes_back_after_force: float | None = None,
        id: str | None = None,  # noqa: A002 - it is the instance's id everywhere else
        started_at: float | None = None,
    ) -> str:
        """Start one workflow and return its identifier."""
        return self._instances.start(
            template=template,
            document=document,
            entity=entity,
            started_by=started_by,
            steps=steps,
            stuck=stuck,
            writes_back_after_force=writes_back_after_force,
            instance_id=id,
            started_at=started_at,
        )

    def start_many(self, count: int, **alike: Any) -> list[str]:
        """Start many workflows that are alike; takes what ``start_instance`` takes."""
        return [self.start_instance(**alike) for _ in range(count)]

    def churn(self, per_second: float) -> None:
        """Modify that many random instances a second, so that the order of the pages shifts."""
        self._instances.churn(per_second)

    @property
    def instances(self) -> dict[str, Instance]:
        """All instances by identifier, also those that have ended."""
        return self._instances.all

    def is_running(self, instance_id: str) -> bool:
        return self._instances.is_running(instance_id)

    def finish(self, instance_id: str) -> None:
        """Let an instance end by itself, whatever it was doing."""
        self._instances.finish(instance_id)

    def script(
        self,
        what: str,
        *,
        times: int = 1,
        method: str | None = None,
        instance: str | None = None,
        status: int | None = None,
        retry_after: float | None = None,
        after: float = 0.0,
        executes: bool = False,
    ) -> None:
        """Make trouble for the next calls that fit.

        ``what`` is a documented code, or "unknown_code", "empty", "html", "truncated", "not_utf8", "hang" (no
        answer until the sandbox stops) or "drop" (the connection is cut). It comes ``after`` seconds. With
        ``executes`` the call is carried out all the same.
        """
        self._troubles.scripted.append(
            Trouble(what, times, method, instance, status, retry_after, after, executes)
        )

    @property
    def planned_trouble(self) -> list[Trouble]:
        """The trouble that was made and is still to come."""
        return [trouble for trouble in self._troubles.scripted if trouble.times > 0]

    def stop_failing(self) -> None:
        """Forget the trouble that is still to come."""
        self._troubles.scripted.clear()

    @web.middleware
    async def _every_call(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        call = self._record(request)
        if self.down:
            return self._hang_up(call, request)
        trouble = self._troubles.next(call.method, call.instance)
        if trouble is None:
            answer = await handler(request)
            call.executed = answer.status == web.HTTPNoContent.status_code
        else:
            if trouble.executes:
                call.executed = (await handler(request)).status == web.HTTPNoContent.status_code
            await asyncio.sleep(trouble.after)
            if trouble.what in UNANSWERED:
                if trouble.what == "hang":
                    await self._stopping.wait()
                return self._hang_up(call, request)
            answer = self._troubles.answer(trouble)
        await asyncio.sleep(self.latency)
        # Gateways set cookies without being asked; nobody should send them back for another key.
        answer.headers["Set-Cookie"] = "sandbox_gateway=1; Path=/"
        self._answered(call, answer)
        return await self._truncated(request, answer) if trouble and trouble.what == "truncated" else answer

    def _hang_up(self, call: Call, request: web.Request) -> web.Response:
        call.cut = True
        self._tell(call)
        return _cut(request)

    async def _truncated(self, request: web.Request, whole: web.StreamResponse) -> web.StreamResponse:
        part = web.StreamResponse(status=whole.status, headers=whole.headers)
        body = whole.body if isinstance(whole, web.Response) and isinstance(whole.body, bytes) else b""
        part.content_length = 2 * len(body)
        await part.prepare(request)
        await part.write(body)
        if request.transport is not None:
            request.transport.close()
        return part

    async def _elsewhere(self, _: web.Request) -> web.StreamResponse:
        return self._troubles.error("ROUTE_NOT_FOUND")


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
