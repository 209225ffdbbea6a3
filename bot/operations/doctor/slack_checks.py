"""Looks at Slack: the tokens, what they may do, the clock, and the channels as Slack shows them."""

import time
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.config.settings import Settings
from bot.domain.errors import SlackError, SlackRefused
from bot.domain.findings import (
    Finding,
    Place,
    fail,
    judge_clock,
    judge_conversation,
    judge_scopes,
    ok,
    warn,
)
from bot.operations.manifest import socket_manifest
from bot.slack.web_api import ask, call, mapped_errors

_UNKNOWN_CHANNEL = frozenset({"channel_not_found", "not_in_channel"})


async def check_slack(settings: Settings, client: AsyncWebClient) -> list[Finding]:
    """Check the tokens, what they may do, and the clock against Slack's."""
    try:
        answer = await call(client, "auth.test")
    except SlackError as error:
        return [_token(error, settings.slack_api_url)]
    return [
        ok("slack.token", "token_good", name=answer.get("team"), team=answer.get("team_id")),
        check_scopes(answer, socket_manifest()),
        judge_clock(_ahead(_header(answer, "date"))),
        await _way_in(settings, client),
    ]


def check_scopes(auth_test: AsyncSlackResponse, manifest: str) -> Finding:
    """Compare what Slack granted, as ``auth.test`` answers, with the manifest."""
    import yaml  # noqa: PLC0415 -- once a day; it would take a fortieth of every start

    scopes = yaml.safe_load(manifest)["oauth_config"]["scopes"]
    return judge_scopes(_header(auth_test, "x-oauth-scopes"), scopes["bot"], scopes.get("bot_optional", []))


async def check_conversation(client: AsyncWebClient, place: Place) -> list[Finding]:
    """Check what Slack says about a channel."""
    try:
        answer = await ask(client, "conversations.info", channel=place.channel)
    except SlackError as error:
        if error.code in _UNKNOWN_CHANNEL:
            return [place.warn("channel.member", "channel_unseen")]
        refused = isinstance(error, SlackRefused)
        says = "channel_scope_missing" if refused else "channel_unanswered"
        return [place.warn("channel.slack", says, code=error.code)]
    shown: dict[str, Any] = answer.get("channel") or {}
    return judge_conversation(place, shown)


async def _way_in(settings: Settings, client: AsyncWebClient) -> Finding:
    token = settings.slack_app_token
    if token is None:
        return ok("slack.way_in", "way_in_http")
    try:
        with mapped_errors():
            await client.apps_connections_open(app_token=token.get_secret_value())
    except SlackError as error:
        judge = fail if isinstance(error, SlackRefused) else warn
        return judge("slack.way_in", "way_in_refused", code=error.code)
    return ok("slack.way_in", "way_in_socket")


def _token(error: SlackError, address: str) -> Finding:
    if isinstance(error, SlackRefused):
        return fail("slack.token", "token_refused", code=error.code)
    return fail("slack.token", "slack_unreachable", code=error.code, host=urlsplit(address).hostname)


def _ahead(date: str) -> float | None:
    try:
        # The header counts whole seconds; half of one is its middle.
        return time.time() - parsedate_to_datetime(date).timestamp() - 0.5
    except ValueError:
        return None


def _header(answer: AsyncSlackResponse, name: str) -> str:
    return next((str(value) for key, value in answer.headers.items() if key.lower() == name), "")
