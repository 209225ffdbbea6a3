"""Calls of Slack's Web API, with whatever goes wrong told in our terms."""

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.config.proxies import proxy_for
from bot.domain.errors import SlackError, SlackRefused, SlackUnavailable
from bot.observability.metrics import SLACK_CALLS, timed

NO_SUCH_METHOD = frozenset({"unknown_method", "http_404"})
"""A Slack-like server that offers only a part of the Web API: what it does not know, it does not have."""
TOKEN_REFUSED = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "not_allowed_token_type",
    }
)
"""What no other way and no waiting mends: somebody has to put the bot's token right."""
TIMEOUT_SECONDS = 5
LONGEST_WAIT_SECONDS = 3600.0
_BUSY = frozenset(
    {
        "ratelimited",
        "internal_error",
        "fatal_error",
        "service_unavailable",
        "request_timeout",
        "team_added_to_org",
    }
)


def open_session(base_url: str | None = None) -> aiohttp.ClientSession:
    """Open the one pool of connections to Slack; without it slack_sdk opens a connection for each call.

    The proxy by which the API at ``base_url`` is reached is the way to response URLs and WebSockets as well.
    """
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS), proxy=proxy_for(base_url) if base_url else None
    )


def slack_client(session: aiohttp.ClientSession, base_url: str, token: str | None = None) -> AsyncWebClient:
    """Make a client of the Web API; it reaches it by a proxy only where NO_PROXY does not rule it out."""
    client = AsyncWebClient(token=token, base_url=base_url, session=session, retry_handlers=[])
    # slack_sdk 3.47 takes any of the environment's proxies, and knows no NO_PROXY.
    client.proxy = proxy_for(base_url)
    return client


@contextlib.asynccontextmanager
async def open_slack(base_url: str, token: str | None = None) -> AsyncIterator[AsyncWebClient]:
    """Open a client with connections of its own, for a command beside the bot."""
    async with open_session(base_url) as session:
        yield slack_client(session, base_url, token)


async def call(client: AsyncWebClient, method: str, **arguments: Any) -> AsyncSlackResponse:
    """Call a method of the Web API. Raises SlackError."""
    with timed(SLACK_CALLS, "slack.call", method=method), mapped_errors():
        return await client.api_call(method, json=arguments)


async def ask(client: AsyncWebClient, method: str, **arguments: Any) -> AsyncSlackResponse:
    """Call a method that only reads, and takes no JSON. Raises SlackError."""
    with timed(SLACK_CALLS, "slack.call", method=method), mapped_errors():
        return await client.api_call(method, http_verb="GET", params=arguments)


class PatientCalls:
    """Leaves each method alone for as long as Slack asks; whoever else wants it waits as well."""

    def __init__(self, client: AsyncWebClient, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._held_until: dict[str, float] = {}

    async def call(self, method: str, **arguments: Any) -> AsyncSlackResponse:
        """Call a method. Raises SlackError, at once while Slack wants to be left alone."""
        with self._in_its_turn(method):
            return await call(self._client, method, **arguments)

    async def ask(self, method: str, **arguments: Any) -> AsyncSlackResponse:
        """Call a method that only reads, and takes no JSON. Raises SlackError, as ``call`` does."""
        with self._in_its_turn(method):
            return await ask(self._client, method, **arguments)

    @contextlib.contextmanager
    def _in_its_turn(self, method: str) -> Iterator[None]:
        held = self._held_until.get(method, 0.0) - self._clock()
        if held > 0:
            raise SlackUnavailable("ratelimited", retry_after=held)
        try:
            yield
        except SlackUnavailable as later:
            if later.retry_after is not None:
                self._held_until[method] = self._clock() + later.retry_after
            raise


@contextlib.contextmanager
def mapped_errors() -> Iterator[None]:
    """Tell what goes wrong in a call of slack_sdk as a SlackError."""
    try:
        yield
    except SlackApiError as error:
        raise _error(error) from error
    except (aiohttp.ClientError, TimeoutError, SlackRequestError) as error:
        raise SlackUnavailable("connection") from error
    except (ValueError, AttributeError) as error:
        # slack_sdk 3.47 trips over an answer that is plain text, or no text at all: a proxy's, not Slack's.
        raise SlackUnavailable("unreadable") from error


def _error(error: SlackApiError) -> SlackError:
    response = error.response
    # Where the body cannot be read, slack_sdk hands over aiohttp's response instead of its own.
    status: int = getattr(response, "status_code", getattr(response, "status", HTTPStatus.OK))
    data = getattr(response, "data", response)
    code = data.get("error") if isinstance(data, Mapping) else None
    if code is None and status < HTTPStatus.BAD_REQUEST:
        return SlackUnavailable("unreadable")
    code = str(code or f"http_{status}")
    if is_passing(status) or code in _BUSY:
        return SlackUnavailable(code, retry_after=seconds_to_wait(getattr(response, "headers", {})))
    return SlackRefused(code)


def is_passing(status: int) -> bool:
    """Tell whether the same may work later."""
    return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def seconds_to_wait(headers: Mapping[str, str]) -> float | None:
    """Read how long Slack wants us to wait, if it says so."""
    value = next((text for name, text in headers.items() if name.lower() == "retry-after"), None)
    try:
        return min(max(0.0, float(value)), LONGEST_WAIT_SECONDS) if value is not None else None
    except ValueError:
        return None
