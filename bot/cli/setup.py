"""``haltbot setup``: from nothing to a bot that can be started, step by step; ``haltbot manifest`` is a part of it."""

import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import click
from slack_sdk.web.async_client import AsyncWebClient

from bot.cli.first_channel import first_channel
from bot.cli.prompt import ask_secret
from bot.cli.shell import CommandFailed, print_finding
from bot.config.env_file import read_env, with_variables, write_env, writing_fault
from bot.config.settings import ENV, ENV_ENCODING, SetupSettings, load
from bot.config.slack_tokens import signing_secret_fault, token_fault
from bot.domain.errors import SlackError, SlackUnavailable
from bot.domain.findings import Level
from bot.domain.workspace import workspace
from bot.operations.doctor.slack_checks import check_scopes
from bot.operations.manifest import create_link
from bot.operations.manifest import manifest as manifest_for
from bot.slack.web_api import call, mapped_errors, open_slack

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

_GO_ON = "What it says above was written or set is kept; run haltbot setup again to go on."
_BOT, _APP, _SIGNING = "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"
_SECRETS: Mapping[str, tuple[str, Callable[[str], str | None]]] = {
    _BOT: ("Bot User OAuth Token (xoxb-…)", partial(token_fault, prefix="xoxb-")),
    _APP: ("App-Level Token (xapp-…)", partial(token_fault, prefix="xapp-")),
    _SIGNING: ("Signing Secret", signing_secret_fault),
}
"""How each is asked for, and what its form tells against it."""


def _mode_options(command: F) -> F:
    """Add the way on which Slack reaches the bot."""
    mode = click.option("--mode", type=click.Choice(["socket", "http"]), default="socket", show_default=True)
    url = click.option("--url", help="Where Slack reaches Haltbot over HTTPS; needed with --mode http.")
    return mode(url(command))


@click.command()
@_mode_options
def manifest(mode: str, url: str | None) -> None:
    """Print the Slack app's manifest."""
    try:
        print(manifest_for(mode, url), end="")
    except ValueError as wrong:
        raise CommandFailed(str(wrong)) from wrong


@click.command()
@_mode_options
async def setup(mode: str, url: str | None) -> int:
    """Connect Haltbot to your Slack, step by step; can be repeated."""
    try:
        app = manifest_for(mode, url)
    except ValueError as wrong:
        print(wrong)
        return 1
    settings = load(SetupSettings)
    if fault := writing_fault(ENV):
        print(f"{fault} Haltbot keeps its tokens there, so nothing was asked.")
        return 1
    try:
        async with open_slack(settings.slack_api_url) as client:
            team = await _connect(app, client, http=mode == "http")
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


async def _connect(app: str, client: AsyncWebClient, *, http: bool) -> str:
    """Create the app, take its tokens and keep them; returns the team. Raises CommandFailed."""
    print(
        "1. Create the Slack app. This link opens Slack's form, filled in; press Next, Create, then Install:\n"
    )
    print(create_link(app))
    print("\n2. The bot token, from the app's page OAuth & Permissions.")
    bot, team = await _ask_until_right(_BOT, partial(_check_bot, client, app))
    # Both are kept together: one of a new app beside one of an old app would be worse than none.
    values: dict[str, str | None] = {_BOT: bot, _APP: None}
    if http:
        print("\n3. The signing secret, from the app's page Basic Information.")
        values[_SIGNING], _ = await _ask_until_right(_SIGNING, _accept)
    else:
        print(
            "\n3. The app-level token: Basic Information, App-Level Tokens, with the scope connections:write."
        )
        values[_APP], _ = await _ask_until_right(_APP, partial(_check_app, client))
    _keep(values)
    client.token = bot
    return team


async def _ask_until_right(variable: str, check: Callable[[str], Awaitable[T]]) -> tuple[str, T]:
    """Ask for a secret, or keep the one there is; also what its check says. Raises CommandFailed.

    A person is asked again for what was refused; a pipe has no second answer.
    """
    question, fault_of = _SECRETS[variable]
    known = read_env(_written()).get(variable)
    if known is not None and fault_of(known) is not None:
        # What .env.example holds is no token yet.
        known = None
    keep = f" [Enter keeps {known[:5]}…{known[-4:]}]" if known else ""
    while True:
        try:
            secret = ask_secret(f"{question}{keep}: ") or known
            if not secret:
                raise CommandFailed("Nothing was given; without it there is no bot.")
            if fault := fault_of(secret):
                raise CommandFailed(fault)
            return secret, await check(secret)
        except CommandFailed as why:
            if not sys.stdin.isatty():
                raise
            print(f"   {why} Ctrl-C ends this.")


async def _check_bot(client: AsyncWebClient, app: str, token: str) -> str:
    """Try the bot's token; returns the team. Raises CommandFailed."""
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
    finding = check_scopes(answer, app)
    print_finding(finding)
    if finding.level is Level.FAIL:
        raise CommandFailed("The token's scopes do not suffice.")
    team = workspace(answer.get("team_id"), answer.get("enterprise_id"))
    print(f"   Slack knows this bot in the workspace {answer.get('team')} ({team}).")
    return team


async def _check_app(client: AsyncWebClient, token: str) -> None:
    """Try the app's token. Raises CommandFailed."""
    try:
        with mapped_errors():
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


async def _accept(_signing_secret: str) -> None:
    """Slack has no method that tries a signing secret."""


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
