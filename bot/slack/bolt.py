"""Bolt, set up so that its faults cannot reach a command; every work-around names its version and its test.

slack_bolt 1.30.0:

* It parses a body before it verifies it, trips over broken headers, and logs the whole body when the signature is
  bad. ``bot.slack.http`` verifies first, and Bolt's own verification is off. No longer needed once ``tests/test_edge.py``
  passes with Bolt's own adapter as the door.
* It drops a form that contains the word *payload* outside a field of that name (``parse_body`` in
  ``slack_bolt.request.internals``). ``dispatch`` gives Bolt the parsed body, as Socket Mode does, so that code is
  never reached. ``tests/test_edge_bolt.py`` shows whether Bolt still does it.
* It takes an acknowledgement back when the listener raises right after it (``slack_bolt.listener.asyncio_runner``).
  ``handlers.responder`` never raises. ``tests/test_edge_bolt.py`` shows whether Bolt still does it.
* It looks for an acknowledgement every 10 ms. With ``process_before_response`` the answer leaves when the listener
  returns; ours only insert and acknowledge.
* It asks Slack who it is at each of the first requests that come together, and refuses the command when Slack does
  not answer. ``Identity`` asks beside the commands, and none waits for it.
* It logs what nobody listens to, with parts of the body, and trips over them. ``_said_no`` says no more than that.
* It reads team, user and channel out of a payload without looking what is there, and raises what Python raises.
  ``dispatch`` turns that into Malformed.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import SlackError, SlackRefused
from bot.observability.metrics import ACKNOWLEDGEMENTS, timed
from bot.slack.payloads import Malformed
from bot.slack.web_api import TOKEN_REFUSED, call

log = logging.getLogger(__name__)

_ASK_AGAIN_SECONDS = 5
_LOOK_SECONDS = 60
_NEEDED_SCOPES = frozenset({"chat:write", "commands"})


class Identity(AsyncAuthorize):
    """Who the bot is, asked of Slack beside the commands, which are taken in while Slack cannot say."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._known: AuthorizeResult | None = None
        self.answers = False
        """Whether Slack answered when it was last asked."""
        self.domain: str | None = None
        """The workspace's part of its address: what links to messages need."""

    async def __call__(self, **_: Any) -> AuthorizeResult:
        return self._known or AuthorizeResult(enterprise_id=None, team_id=None, bot_token=self._client.token)

    async def ask(self) -> None:
        """Ask Slack. Raises SlackError, also for a token without the scopes that Haltbot cannot do without."""
        answer = await call(self._client, "auth.test")
        granted = str(answer.headers.get("x-oauth-scopes", ""))
        missing = _NEEDED_SCOPES - {scope.strip() for scope in granted.split(",")} if granted else None
        if missing:
            raise SlackRefused(f"missing_scope: {', '.join(sorted(missing))}")
        self.domain = urlsplit(str(answer.get("url"))).netloc.removesuffix(".slack.com") or None
        self._known = AuthorizeResult(
            enterprise_id=answer.get("enterprise_id"),
            team_id=answer.get("team_id"),
            bot_user_id=answer.get("user_id"),
            bot_id=answer.get("bot_id"),
            bot_token=self._client.token,
        )

    async def keep_asking(self) -> str:
        """Ask each minute, sooner while there is no answer; returns the code with which Slack refused the token."""
        while True:
            try:
                await self.ask()
                self.answers = True
            except SlackError as error:
                self.answers = False
                # Once it has worked, only a token that is refused ends it: for the rest it is asked again.
                if isinstance(error, SlackRefused) and (self._known is None or error.code in TOKEN_REFUSED):
                    return error.code
                log.warning("Slack does not say who we are: %s", error.code)
            await asyncio.sleep(_LOOK_SECONDS if self.answers else _ASK_AGAIN_SECONDS)


class Bolt:
    """Slack's framework with our listeners in it."""

    def __init__(
        self, client: AsyncWebClient, identity: Identity, register: Callable[[AsyncApp], object]
    ) -> None:
        logging.getLogger("slack_bolt.AsyncApp").addFilter(_is_about_something_else)
        self._app = AsyncApp(
            # Without a name it looks for one in the sources of all that is loaded: 25 ms.
            name="haltbot",
            client=AsyncWebClient(base_url=client.base_url, session=client.session),
            authorize=identity,
            process_before_response=True,
            request_verification_enabled=False,
            ssl_check_enabled=False,
            raise_error_for_unhandled_request=True,
        )
        self._app.error(_said_no)
        register(self._app)

    async def dispatch(self, body: Mapping[str, Any]) -> BoltResponse:
        """Hand over a verified, parsed request. Raises Malformed."""
        try:
            request = AsyncBoltRequest(body=dict(body), mode="socket_mode")
        except (AttributeError, LookupError, RecursionError, TypeError) as error:
            raise Malformed(type(error).__name__) from error
        with timed(ACKNOWLEDGEMENTS, "slack.request", kind=_kind(body)):
            return await self._app.async_dispatch(request)


def _is_about_something_else(record: logging.LogRecord) -> bool:
    """Bolt reads SLACK_BOT_TOKEN by itself, to warn that it does not need it."""
    return "`token` will be unused" not in record.getMessage()


async def _said_no(error: Exception) -> BoltResponse | None:
    if isinstance(error, BoltUnhandledRequestError):
        log.info("Slack sent something that nobody here listens to.")
        return BoltResponse(status=HTTPStatus.NOT_FOUND, body="Haltbot does not listen to this.")
    log.error("Bolt failed to hand over a request.", exc_info=error)
    return None


def _kind(body: Mapping[str, Any]) -> str:
    if "command" in body:
        return "command"
    return "event" if "event" in body else "interaction"
