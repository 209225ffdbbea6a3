"""Puts the parts together: the one place where adapters meet the core."""

import asyncio
import errno
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from socket import gaierror
from typing import Any

import aiohttp
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from bot.app_access import AccessParts, open_access
from bot.channels.administration import Administration
from bot.channels.authority import Authority
from bot.channels.breaker import Breaker
from bot.channels.keys import Keys
from bot.channels.settings_changes import Configuring
from bot.channels.sharing import Sharing
from bot.config.settings import Settings
from bot.domain.errors import HaltbotError, StoreError
from bot.messages.blocks import Cards
from bot.messages.permission_blocks import breaker_tripped
from bot.operations.doctor.checks import Doctor
from bot.operations.doctor.daily import Daily, configurers_of
from bot.operations.practice import PracticeLookout, PracticeWorkflows
from bot.operations.retention import Retention
from bot.ports.core import Store
from bot.slack import http
from bot.slack.bolt import Bolt, Identity
from bot.slack.channels import SlackChannels
from bot.slack.directory import SlackDirectory
from bot.slack.home_publisher import SlackHome
from bot.slack.messenger import SlackMessenger
from bot.slack.socket_mode import SocketIntake
from bot.slack.web_api import open_session, slack_client
from bot.store.instrumented import counted
from bot.store.opening import open_store, open_vault
from bot.terminations.authorize import Clearing
from bot.terminations.confirm import Asking
from bot.terminations.engine import Steps
from bot.terminations.execute import Calling
from bot.terminations.notifier import Pace, Progress
from bot.terminations.overview import Home
from bot.terminations.queries import Enquiries
from bot.terminations.service import Terminations, new_reference
from bot.terminations.watch import Watching
from bot.terminations.worker import Worker
from bot.vibecode.client import VibecodeClient, open_client
from handlers import register
from handlers.responder import Answers

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
    answers: Answers
    messenger: SlackMessenger
    daily: Daily
    access: AccessParts

    async def serve(self, stop: asyncio.Event, *, listening: Callable[[int], None] = lambda _: None) -> None:
        """Run until ``stop`` is set; then take in nothing more and let what runs finish.

        ``listening`` is told the port of the HTTP listener. Raises CannotRun, SocketModeRefused.
        """
        async with AsyncExitStack() as stack:
            worker = asyncio.create_task(self.worker.serve())
            stack.push_async_callback(_end, worker)
            stack.push_async_callback(self.worker.stop, within_seconds=DRAIN_SECONDS)
            stack.push_async_callback(self.answers.finish, within_seconds=ANSWERS_SECONDS)
            running = {worker, asyncio.create_task(stop.wait()), asyncio.create_task(self._mind_the_token())}
            if days := self.settings.haltbot_retention_days:
                running.add(asyncio.create_task(Retention(self.store, days=days).serve()))
            running.add(asyncio.create_task(self.daily.serve()))
            connections = self.access.connections
            stack.push_async_callback(connections.close)
            running.add(asyncio.create_task(connections.serve()))
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
            pages=self.access.pages.add_to if self.access.pages else None,
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


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[Haltbot]:
    """Open what the bot needs, wire it, and close it again. Raises SettingsInvalid, StoreError."""
    async with AsyncExitStack() as stack:
        vault = open_vault(settings)
        store = counted(await open_store(settings.database_url, owner=new_reference()))
        stack.push_async_callback(store.close)
        session = await stack.enter_async_context(open_session(settings.slack_api_url))
        client = slack_client(session, settings.slack_api_url, settings.slack_bot_token.get_secret_value())
        http = await stack.enter_async_context(
            open_client(
                settings.vibecode_api_url,
                timeout_seconds=settings.vibecode_timeout_seconds,
                connect_seconds=settings.vibecode_connect_seconds,
            )
        )
        messenger = SlackMessenger(client, session)
        pace = Pace(
            calls_per_second=settings.haltbot_vibecode_rate,
            confirmation_ms=settings.haltbot_confirmation_seconds * 1000,
            watch_ms=settings.haltbot_watch_seconds * 1000,
            soft_first_ms=settings.haltbot_soft_first_seconds * 1000 if settings.haltbot_soft_first else None,
        )
        channels = SlackChannels(client)
        cards = Cards(
            settings.vibecode_api_url.rstrip("/") + "/v1/oauth/authorize",
            connects=settings.haltbot_public_url is not None,
        )
        progress = Progress(
            store,
            messenger,
            vault,
            cards,
            Sharing(store, channels),
            wake_in=lambda seconds: worker.wake_in(seconds),  # noqa: PLW0108 -- the worker is made next
        )
        keys = Keys(store, vault)
        vibecode = VibecodeClient(http)
        workflows = PracticeWorkflows(vibecode, store)
        lookout = PracticeLookout(workflows, store, pace.calls_per_second)
        authority = Authority(store, SlackDirectory(client), settings.owners)
        configuring = Configuring(store)
        breaker = Breaker(store, messenger, configuring, breaker_tripped)
        steps = Steps(
            progress,
            Clearing(progress, authority, breaker),
            Asking(progress, keys, lookout, pace),
            Calling(progress, keys, workflows, lookout, pace),
            Watching(progress, keys, lookout, pace),
        )
        worker = Worker(store, steps.run)
        terminations = Terminations(store, vault, authority, start=worker.start, has_room=worker.has_room)
        administration = Administration(store, authority, configuring, breaker)
        enquiries = Enquiries(store, keys, lookout)
        answers = Answers(messenger)
        identity = Identity(client)
        configurers = partial(configurers_of, store, settings.owners)
        doctor = Doctor(settings, store, keys, client, workflows)
        daily = Daily(store, doctor, messenger.tell, configurers)
        home = Home(store, SlackHome(client), configurers=configurers, channels=daily.channels)
        access = open_access(
            store=store,
            keys=keys,
            vault=vault,
            authority=authority,
            channels=channels,
            vibecode=vibecode,
            vibecode_url=http.base_url,
            worker=worker,
            public_url=settings.haltbot_public_url,
            tell=messenger.tell,
            configurers=configurers,
        )
        bolt = Bolt(
            client,
            identity,
            lambda app: register(
                app,
                answers,
                terminations=terminations,
                enquiries=enquiries,
                administration=administration,
                keys=access.keys,
                connections=access.connections,
                lifecycle=access.lifecycle,
                home=home,
                domain=lambda: identity.domain,
            ),
        )
        yield Haltbot(
            settings=settings,
            store=store,
            client=client,
            session=session,
            identity=identity,
            bolt=bolt,
            worker=worker,
            answers=answers,
            messenger=messenger,
            daily=daily,
            access=access,
        )


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
