"""The sandbox's Slack as a whole: one server, who is in its workspace, and what can go wrong."""

import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from aiohttp import web

from sandbox.slack.acts import Acts
from sandbox.slack.delivery import ACK_SECONDS, Carrier, HttpCarrier
from sandbox.slack.delivery_trouble import TroubledCarrier
from sandbox.slack.faults import Faults
from sandbox.slack.installation import Backend, Installation, Triggers
from sandbox.slack.rate_limits import RateLimits
from sandbox.slack.response_urls import ResponseUrls
from sandbox.slack.sights import Sights
from sandbox.slack.socket_mode import DisconnectReason, SocketMode
from sandbox.slack.web_api import WebApi
from sandbox.slack.workspace import Channel, Person, UserGroup, Workspace

BOT_TOKEN = "xoxb-sandbox-0000000000-halt"
APP_TOKEN = "xapp-sandbox-0000000000-halt"
SIGNING_SECRET = "5andb0x5andb0x5andb0x5andb0x5and"
LARGEST_BODY = 4 * 1024 * 1024


class SlackSandbox(Sights, Acts):
    """A local Slack. Use it as an async context manager, or call ``start`` and ``stop``.

    ``clock`` is Slack's own clock: message times, trigger ids and response addresses follow it. The three
    seconds for an acknowledgement (``ack_seconds``) and the signatures are real time.
    """

    def __init__(
        self,
        *,
        team: str = "T0HALTBOT",
        bot_token: str = BOT_TOKEN,
        app_token: str = APP_TOKEN,
        signing_secret: str = SIGNING_SECRET,
        clock: Callable[[], float] = time.time,
        rate_limits: bool = False,
        ack_seconds: float = ACK_SECONDS,
    ) -> None:
        self.installation = Installation(team, bot_token, app_token, signing_secret)
        Sights.__init__(self, clock)
        self._ack_seconds = ack_seconds
        self._url = ""
        self._runner: web.AppRunner | None = None
        self.http_carriers: list[HttpCarrier] = []
        self._faults = Faults()
        self.workspace = Workspace(
            team=team, bot_user=self.installation.bot_user, clock=clock, on_change=self._announce
        )
        self.socket_mode = SocketMode(
            app_id=self.installation.app_id,
            base_url=lambda: self._url,
            announce=self._announce,
            ack_seconds=ack_seconds,
        )
        backend = Backend(self.workspace, self.installation, Triggers(clock), self.socket_mode.open_url)
        response_urls = ResponseUrls(
            self.workspace, self.installation, self._faults, self._record, lambda: self._url
        )
        Acts.__init__(self, backend, response_urls)
        limits = RateLimits(clock) if rate_limits else None
        self._web_api = WebApi(backend, self._faults, self._record, limits=limits)

    # --- the server

    async def start(self, port: int = 0) -> None:
        app = web.Application(client_max_size=LARGEST_BODY)
        app.router.add_route("*", "/api/{method}", self._web_api.handle)
        app.router.add_post("/response/{secret}", self.response_urls.handle)
        app.router.add_get("/socket", self._open_socket)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self._url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        self._faults.closing.set()
        self.socket_mode.close()
        for carrier in self.http_carriers:
            await carrier.close()
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

    async def _open_socket(self, request: web.Request) -> web.StreamResponse:
        return await self.socket_mode.handle(request)

    @property
    def url(self) -> str:
        return self._url

    @property
    def api_url(self) -> str:
        return f"{self._url}/api/"

    # --- the app and the workspace

    @property
    def team(self) -> str:
        return self.installation.team

    @property
    def bot_user(self) -> str:
        return self.installation.bot_user

    @property
    def bot_token(self) -> str:
        return self.installation.bot_token

    @property
    def app_token(self) -> str:
        return self.installation.app_token

    @property
    def signing_secret(self) -> str:
        return self.installation.signing_secret

    @property
    def bot_scopes(self) -> set[str]:
        return self.installation.bot_scopes

    @bot_scopes.setter
    def bot_scopes(self, scopes: Iterable[str]) -> None:
        self.installation.bot_scopes = set(scopes)

    def deliver_by_http(self, events_url: str) -> None:
        """Send everything to this address from now on, instead of over Socket Mode."""
        carrier = HttpCarrier(events_url, self.signing_secret, ack_seconds=self._ack_seconds)
        self.http_carriers.append(carrier)

    def add_channel(
        self,
        name: str,
        *,
        id: str | None = None,  # noqa: A002 - Slack's own word for it
        private: bool = False,
        dm: bool = False,
        bot_is_member: bool = True,
        archived: bool = False,
        shared_with: Iterable[str] = (),
        members: Iterable[Person] | None = None,
    ) -> Channel:
        prefix = "D" if dm else "G" if private else "C"
        channel = Channel(
            id=id or self.workspace.new_id(prefix),
            name=name,
            private=private,
            dm=dm,
            bot_is_member=bot_is_member,
            archived=archived,
            shared_with=tuple(shared_with),
            member_ids=None if members is None else {person.id for person in members},
        )
        self.workspace.channels[channel.id] = channel
        self.workspace.changed("channel_added", channel=channel.id)
        return channel

    def add_person(
        self,
        name: str,
        *,
        id: str | None = None,  # noqa: A002 - Slack's own word for it
        team: str | None = None,
        admin: bool = False,
        guest: bool = False,
        bot: bool = False,
        tz: str = "UTC",
        locale: str = "en-US",
    ) -> Person:
        person = Person(
            id or self.workspace.new_id("U"), name, team or self.team, admin, guest, bot, tz, locale
        )
        self.workspace.people[person.id] = person
        self.workspace.changed("person_added", person=person.id)
        return person

    def add_user_group(self, handle: str, users: Iterable[Person | str]) -> UserGroup:
        ids = [user.id if isinstance(user, Person) else user for user in users]
        group = UserGroup(self.workspace.new_id("S"), handle, ids)
        self.workspace.user_groups[group.id] = group
        return group

    async def wait_connected(self, connections: int = 1, timeout: float = 20) -> None:  # noqa: ASYNC109 - the limit is part of what is asked for
        """Wait until the bot has this many Socket Mode connections."""
        await self.wait_for(lambda: self.socket_mode.connections >= connections, timeout)

    # --- trouble on demand

    def fail(
        self, method: str, error: str, *, times: int = 1, status: int = 200, retry_after: int | None = None
    ) -> None:
        """Let the next calls of a method (``*``: of any, ``response_url``: of those) go wrong.

        ``error`` is one of Slack's codes, or ``hang``, ``drop`` (cut before acting) or ``drop_after``.
        What Slack sends to the bot is the method ``delivery``, with ``operation_timeout`` (the bot gets it,
        its acknowledgement comes too late) or ``dispatch_failed`` (the bot does not get it).
        """
        self._faults.plan(method, error, times=times, status=status, retry_after=retry_after)

    def stop_failing(self) -> None:
        """Forget the planned failures."""
        self._faults.clear()
        self.socket_mode.down = False

    @property
    def planned_failures(self) -> list[tuple[str, str, int]]:
        """What is still to go wrong: the method, the error, and how often."""
        return self._faults.planned

    @property
    def down(self) -> bool:
        """Whether every request's connection is cut."""
        return self._faults.down

    @down.setter
    def down(self, down: bool) -> None:
        self._faults.down = self.socket_mode.down = down
        if down:
            self.socket_mode.cut_all()

    async def disconnect(self, reason: DisconnectReason = "warning") -> None:
        """Tell the bot to reconnect; ``link_disabled`` also switches Socket Mode off for good."""
        if reason == "link_disabled":
            self.installation.socket_mode_enabled = False
        await self.socket_mode.disconnect(reason)

    def refuse_connections(self, seconds: float) -> None:
        """Cut the attempts to connect during this time, and the connections there are."""
        self.socket_mode.refuse_connections(seconds)
        self.socket_mode.cut_all()

    def go_silent(self) -> None:
        """Keep the present connections open without ever answering on them again."""
        self.socket_mode.go_silent()

    # --- inner workings

    def _carrier(self) -> Carrier:
        carrier = self.http_carriers[-1] if self.http_carriers else self.socket_mode
        trouble = self._faults.next_delivery_error()
        return TroubledCarrier(carrier, trouble, self._ack_seconds) if trouble else carrier
