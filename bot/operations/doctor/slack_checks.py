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
    Level,
    Place,
    judge_clock,
    judge_conversation,
    judge_scopes,
)
from bot.operations.manifest import socket_manifest
from bot.slack.web_api import ask, call, in_our_terms

_UNKNOWN_CHANNEL = frozenset({"channel_not_found", "not_in_channel"})


async def check_slack(settings: Settings, client: AsyncWebClient) -> list[Finding]:
    """Check the tokens, what they may do, and the clock against Slack's."""
    try:
        answer = await call(client, "auth.test")
    except SlackError as error:
        return [_token(error, settings.slack_api_url)]
    return [
        Finding(
            "slack.token",
            Level.OK,
            f"Slack knows the bot in {answer.get('team')} ({answer.get('team_id')}).",
        ),
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
            return [
                place.warn(
                    "channel.member",
                    "Haltbot does not see the channel: it is private without it, or gone.",
                    "Type /invite @haltbot in the channel, or remove its key: haltbot key remove.",
                )
            ]
        told = f"What the channel is like cannot be seen ({error.code})."
        refused = isinstance(error, SlackRefused)
        remedy = "Grant channels:read and groups:read." if refused else "Try again when Slack answers."
        return [place.warn("channel.slack", told, remedy)]
    shown: dict[str, Any] = answer.get("channel") or {}
    return judge_conversation(place, shown)


async def _way_in(settings: Settings, client: AsyncWebClient) -> Finding:
    token = settings.slack_app_token
    if token is None:
        told = "HTTP mode: Slack posts to /slack/events at your public address; requests are signed."
        return Finding("slack.way_in", Level.OK, told)
    try:
        with in_our_terms():
            await client.apps_connections_open(app_token=token.get_secret_value())
    except SlackError as error:
        return Finding(
            "slack.way_in",
            Level.FAIL if isinstance(error, SlackRefused) else Level.WARN,
            f"Slack will not open a Socket Mode connection ({error.code}).",
            "Check SLACK_APP_TOKEN (xapp-…, scope connections:write) and that Socket Mode is on.",
        )
    return Finding("slack.way_in", Level.OK, "Slack offers a Socket Mode connection.")


def _token(error: SlackError, address: str) -> Finding:
    if isinstance(error, SlackRefused):
        remedy = "Copy the Bot User OAuth Token again from the app's page OAuth & Permissions: haltbot setup."
        return Finding("slack.token", Level.FAIL, f"Slack refuses SLACK_BOT_TOKEN ({error.code}).", remedy)
    host = urlsplit(address).hostname
    return Finding(
        "slack.token",
        Level.FAIL,
        f"Slack cannot be reached ({error.code}).",
        f"Check the network and the way to {host}; SLACK_API_URL names it.",
    )


def _ahead(date: str) -> float | None:
    try:
        # The header counts whole seconds; half of one is its middle.
        return time.time() - parsedate_to_datetime(date).timestamp() - 0.5
    except ValueError:
        return None


def _header(answer: AsyncSlackResponse, name: str) -> str:
    return next((str(value) for key, value in answer.headers.items() if key.lower() == name), "")
