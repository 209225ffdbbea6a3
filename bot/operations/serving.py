"""The running bot: what listens, what waits, and how it all ends without losing anything."""

import asyncio
import errno
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from socket import gaierror
from typing import Any

import aiohttp
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from bot.channels.connections import Connections
from bot.config.settings import Settings
from bot.domain.errors import HaltbotError, StoreError
from bot.operations.doctor.daily import Daily
from bot.operations.retention import Retention
from bot.ports.store import Store
from bot.slack import http
from bot.slack.bolt import Bolt, Identity
from bot.slack.messenger import SlackMessenger
from bot.slack.socket_mode import SocketIntake
from bot.terminations.worker import Worker
from bot.web.pages import KeyPages
from handlers.responder import Responder

log = logging.getLogger(__name__)

DRAIN_SECONDS = 10.0
ANSWERS_SECONDS = 5.0
READINESS_SECONDS = 2.0


class CannotRun(HaltbotError):
    """Something outside must be put right first; the message says what."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Haltbot:
    """The running bot: what takes requests in, and the worker that carries them out."""

    settings: Settings
    store: Store
    client: AsyncWebClient
    session: aiohttp.ClientSession
    identity: Identity
    bolt: Bolt
    worker: Worker
    responder: Responder
    messenger: SlackMessenger
    daily: Daily
    connections: Connections
    pages: KeyPages | None
    """For people's browsers, where they can reach Haltbot."""

    async def serve(self, stop: asyncio.Event, *, listening: Callable[[int], None] = lambda _: None) -> None:
        """Run until ``stop`` is set; then take in nothing more and let what runs finish.

        ``listening`` is told the port of the HTTP listener. Raises CannotRun, SocketModeRefused.
        """
        async with AsyncExitStack() as stack:
            worker = asyncio.create_task(self.worker.serve())
            stack.push_async_callback(_end, worker)
            stack.push_async_callback(self.worker.stop, within_seconds=DRAIN_SECONDS)
            stack.push_async_callback(self.responder.finish, within_seconds=ANSWERS_SECONDS)
            running = {worker, asyncio.create_task(stop.wait()), asyncio.create_task(self._mind_the_token())}
            if days := self.settings.haltbot_retention_days:
                running.add(asyncio.create_task(Retention(self.store, days=days).serve()))
            running.add(asyncio.create_task(self.daily.serve()))
            stack.push_async_callback(self.connections.close)
            running.add(asyncio.create_task(self.connections.serve()))
            # At the end the doors close first, in the opposite order of opening; then what came in is carried out.
            try:
                socket = await self._open_socket(stack, running)
                await self._listen(stack, socket, listening)
                await _first_end(running, stop)
            finally:
                for task in running - {worker}:
                    await _end(task)

    async def _open_socket(
        self, stack: AsyncExitStack, running: set[asyncio.Task[Any]]
    ) -> SocketIntake | None:
        token = self.settings.slack_app_token
        if token is None:
            return None
        socket = SocketIntake(self.client, self.session, token.get_secret_value(), self.bolt.dispatch)
        stack.push_async_callback(socket.close)
        running.add(asyncio.create_task(socket.serve()))
        return socket

    async def _listen(
        self, stack: AsyncExitStack, socket: SocketIntake | None, listening: Callable[[int], None]
    ) -> None:
        host, port = self.settings.haltbot_host, self.settings.haltbot_port
        secret = self.settings.slack_signing_secret if socket is None else None
        runner = http.runner(
            signing_secret=secret.get_secret_value() if secret else None,
            dispatch=self.bolt.dispatch,
            readiness=lambda: self._readiness(socket),
            pages=self.pages.add_to if self.pages else None,
        )
        stack.push_async_callback(runner.cleanup)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise CannotRun(_not_listening(host, port, error)) from error
        actual_port = runner.addresses[0][1]
        log.info("Listening on http://%s:%s", f"[{host}]" if ":" in host else host, actual_port)
        listening(actual_port)

    async def _mind_the_token(self) -> None:
        """End once Slack refuses the bot's token: now, or when it is revoked one day. Raises CannotRun."""
        asking = asyncio.create_task(self.identity.keep_asking())
        noticed = {asking, self.messenger.token_refused}
        try:
            (first, *_), _ = await asyncio.wait(noticed, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _end(asking)
        code = first.result()
        raise CannotRun(
            f"SLACK_BOT_TOKEN: Slack refused it ({code}). Copy the token again from your app's page and check that"
            " the app is installed with the scopes of manifest.yml, then start Haltbot again"
        )

    async def _readiness(self, socket: SocketIntake | None) -> dict[str, bool]:
        try:
            # A query, since a store may tell the time without its database.
            async with asyncio.timeout(READINESS_SECONDS):
                await self.store.backlog()
            database = True
        except (StoreError, TimeoutError):
            database = False
        slack = self.identity.answers and (socket is None or await socket.is_connected())
        return {"database": database, "slack": slack, "worker": self.worker.healthy}


def _not_listening(host: str, port: int, error: OSError) -> str:
    """Say which setting has to be corrected."""
    if error.errno == errno.EADDRINUSE:
        return f"HALTBOT_PORT: {host}:{port} is in use. Stop what uses it, or choose another port"
    if error.errno == errno.EACCES:
        return f"HALTBOT_PORT: {port} may not be listened on; ports below 1024 need root. Choose a higher one"
    if isinstance(error, gaierror) or error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return f"HALTBOT_HOST: {host} is no address of this machine"
    return f"HALTBOT_HOST, HALTBOT_PORT: cannot listen on {host}:{port} ({error.strerror})"


async def _first_end(running: set[asyncio.Task[Any]], stop: asyncio.Event) -> None:
    """Wait until somebody asks for the end, or a part fails, which ends all of it."""
    done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    for task in done:
        await task


async def _end(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
