"""``haltbot setup``: from nothing to a bot that can be started, step by step; each can be repeated."""

import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import click
import yaml
from slack_sdk.web.async_client import AsyncWebClient

from bot.cli.first_channel import first_channel
from bot.cli.options import slack_mode_options
from bot.cli.prompt import ask_secret
from bot.cli.shell import CommandFailed, print_finding
from bot.config.env_file import read_env, with_variables, write_env, writing_fault
from bot.config.settings import ENV, ENV_ENCODING, SetupSettings, load
from bot.config.slack_tokens import signing_secret_fault, token_fault
from bot.domain.errors import SlackError, SlackUnavailable
from bot.domain.findings import Level, judge_scopes
from bot.domain.workspace import workspace
from bot.operations.manifest import create_link
from bot.operations.manifest import manifest as manifest_for
from bot.slack.web_api import call, in_our_terms, open_slack

T = TypeVar("T")
_GO_ON = "What it says above was written or set is kept; run haltbot setup again to go on."
_BOT, _APP, _SECRET = "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"


@click.command()
@slack_mode_options
async def setup(mode: str, url: str | None) -> int:
    """Connect Haltbot to your Slack, step by step; can be repeated."""
    try:
        manifest = manifest_for(mode, url)
    except ValueError as wrong:
        print(wrong)
        return 1
    settings = load(SetupSettings)
    if fault := writing_fault(ENV):
        print(f"{fault} Haltbot keeps its tokens there, so nothing was asked.")
        return 1
    try:
        async with open_slack(settings.slack_api_url) as client:
            team = await _connect(manifest, client, http=mode == "http")
            can_stop = await first_channel(settings, client, team)
    except CommandFailed as why:
        print(f"\n{why}\nNothing more was changed. Run haltbot setup again at any time.")
        return 1
    except EOFError:
        print(f"\nThe input ended. {_GO_ON}")
        return 1
    except KeyboardInterrupt:
        print(f"\nStopped. {_GO_ON}")
        return 130
    print(f"\n{'Ready.' if can_stop else 'Nothing can be stopped before a channel has a key.'}")
    print("Check everything with: haltbot doctor\nStart the bot with:    haltbot run")
    print("Then, in the channel:  /invite @haltbot, and /terminate-workflow help")
    return 0


async def _connect(manifest: str, client: AsyncWebClient, *, http: bool) -> str:
    """Create the app, take its tokens and keep them; returns the team."""
    print(
        "1. Create the Slack app. This link opens Slack's form, filled in; press Next, Create, then Install:\n"
    )
    print(create_link(manifest))
    known = read_env(_written())
    print("\n2. The bot token, from the app's page OAuth & Permissions.")

    async def bot_token() -> tuple[str, str]:
        token = _secret(
            "Bot User OAuth Token (xoxb-…)", known.get(_BOT), lambda text: token_fault(text, "xoxb-")
        )
        return token, await _check_bot(client, token, manifest)

    async def signing_secret() -> str:
        return _secret("Signing Secret", known.get(_SECRET), signing_secret_fault)

    async def app_token() -> str:
        token = _secret("App-Level Token (xapp-…)", known.get(_APP), lambda text: token_fault(text, "xapp-"))
        await _check_app(client, token)
        return token

    bot, team = await _asked_until_right(bot_token)
    # Both are kept together: one of a new app beside one of an old app would be worse than none.
    if http:
        print("\n3. The signing secret, from the app's page Basic Information.")
        values: dict[str, str | None] = {
            _BOT: bot,
            _SECRET: await _asked_until_right(signing_secret),
            _APP: None,
        }
    else:
        print(
            "\n3. The app-level token: Basic Information, App-Level Tokens, with the scope connections:write."
        )
        values = {_BOT: bot, _APP: await _asked_until_right(app_token)}
    _keep(values)
    client.token = bot
    return team


async def _asked_until_right(step: Callable[[], Awaitable[T]]) -> T:
    """Ask a person again for what was refused; a pipe has no second answer. Raises CommandFailed."""
    while True:
        try:
            return await step()
        except CommandFailed as why:
            if not sys.stdin.isatty():
                raise
            print(f"   {why} Ctrl-C ends this.")


def _secret(name: str, known: str | None, fault_of: Callable[[str], str | None]) -> str:
    """Ask for a secret, or keep the one there is. Raises CommandFailed."""
    if known is not None and fault_of(known) is not None:
        # What .env.example holds is no token yet.
        known = None
    keep = f" [Enter keeps {known[:5]}…{known[-4:]}]" if known else ""
    given = ask_secret(f"{name}{keep}: ") or known
    if not given:
        raise CommandFailed("Nothing was given; without it there is no bot.")
    if fault := fault_of(given):
        raise CommandFailed(fault)
    return given


async def _check_bot(client: AsyncWebClient, token: str, manifest: str) -> str:
    client.token = token
    try:
        answer = await call(client, "auth.test")
    except SlackUnavailable as error:
        raise _unreachable("the bot token", error) from error
    except SlackError as error:
        raise CommandFailed(
            f"Slack did not accept the bot token ({error.code}). Copy the Bot User OAuth Token again, whole; if the app"
            " was removed, install it again."
        ) from error
    headers = {name.lower(): value for name, value in answer.headers.items()}
    scopes = yaml.safe_load(manifest)["oauth_config"]["scopes"]
    finding = judge_scopes(
        str(headers.get("x-oauth-scopes", "")), scopes["bot"], scopes.get("bot_optional", [])
    )
    print_finding(finding)
    if finding.level is Level.FAIL:
        raise CommandFailed("The token's scopes do not suffice.")
    place = workspace(answer.get("team_id"), answer.get("enterprise_id"))
    print(f"   Slack knows this bot in the workspace {answer.get('team')} ({place}).")
    return place


async def _check_app(client: AsyncWebClient, token: str) -> None:
    try:
        with in_our_terms():
            await client.apps_connections_open(app_token=token)
    except SlackUnavailable as error:
        raise _unreachable("the app-level token", error) from error
    except SlackError as error:
        next_step = (
            "Copy it again, whole."
            if error.code == "invalid_auth"
            else "It needs the scope connections:write, and Socket Mode must be on."
        )
        raise CommandFailed(
            f"Slack will not open a connection with the app-level token ({error.code}). {next_step}"
        ) from error
    print("   Slack offers a connection.")


def _unreachable(what: str, error: SlackUnavailable) -> CommandFailed:
    return CommandFailed(
        f"Slack could not be asked about {what} ({error.code}): check the network, or try again in a minute."
    )


def _keep(values: Mapping[str, str | None]) -> None:
    try:
        write_env(ENV, with_variables(_written(), values))
    except OSError as error:
        raise CommandFailed(f"{ENV} could not be written ({error.strerror}).") from error
    print(f"   Written to {ENV}, which only you can read.")


def _written() -> str:
    return ENV.read_text(encoding=ENV_ENCODING) if ENV.exists() else ""
