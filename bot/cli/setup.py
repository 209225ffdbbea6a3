"""``haltbot setup``: from nothing to a bot that can be started, step by step; each can be repeated."""

import argparse
from collections.abc import Callable, Mapping

import yaml
from slack_sdk.web.async_client import AsyncWebClient

from bot import replies
from bot.cli.place import is_place
from bot.cli.prompt import Ended, ask, ask_secret
from bot.cli.shell import opened_store, operator
from bot.config import ENV, ENV_ENCODING, SetupSettings, load
from bot.doctor.findings import Finding, Level, Place, judge_key, judge_scopes
from bot.errors import KeyNotAccepted, SlackError, SlackUnavailable
from bot.key_check import examine
from bot.keys import APPLICATION, Keys, check_key, hint
from bot.manifest import manifest as manifest_for
from bot.places import workspace
from bot.setup import (
    create_link,
    read_env,
    signing_secret_fault,
    token_fault,
    with_variables,
    write_env,
    writing_fault,
)
from bot.slack.calls import call, in_our_terms, open_slack
from bot.storage import open_vault
from bot.vibecode.client import VibecodeClient, open_client
from bot.workflows import ApiKey

_BOT, _APP, _SECRET = "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"


class _GivenUp(Exception):
    """The step cannot be done with what was given; the message says why."""


def add_command(add: Callable[..., argparse.ArgumentParser]) -> None:
    parser = add("setup", "connect Haltbot to your Slack, step by step; can be repeated", _setup)
    parser.add_argument("--mode", choices=["socket", "http"], default="socket")
    parser.add_argument("--url", help="where Slack reaches Haltbot over HTTPS; needed with --mode http")


async def _setup(options: argparse.Namespace) -> int:
    try:
        manifest = manifest_for(options.mode, options.url)
    except ValueError as wrong:
        print(wrong)
        return 1
    settings = load(SetupSettings)
    if fault := writing_fault(ENV):
        print(f"{fault} Haltbot keeps its tokens there, so nothing was asked.")
        return 1
    try:
        async with open_slack(settings.slack_api_url) as client:
            team = await _connect(manifest, client, http=options.mode == "http")
            await _first_channel(settings, client, team)
    except _GivenUp as why:
        print(f"\n{why}\nNothing more was changed. Run haltbot setup again at any time.")
        return 1
    except Ended:
        print("\nThe input ended. What is finished is kept; run haltbot setup again to go on.")
        return 1
    except KeyboardInterrupt:
        print("\nStopped. What is finished is kept; run haltbot setup again to go on.")
        return 1
    print("\nReady. Check everything with: haltbot doctor\nStart the bot with:         haltbot run")
    return 0


async def _connect(manifest: str, client: AsyncWebClient, *, http: bool) -> str:
    """Create the app, take its tokens and keep them; returns the team."""
    print(
        "1. Create the Slack app. This link opens Slack's form, filled in; press Next, Create, then Install:\n"
    )
    print(create_link(manifest))
    known = read_env(_written())
    print("\n2. The bot token, from the app's page OAuth & Permissions.")
    bot = _secret("Bot User OAuth Token (xoxb-…)", known.get(_BOT), lambda text: token_fault(text, "xoxb-"))
    team = await _check_bot(client, bot, manifest)
    if http:
        print("\n3. The signing secret, from the app's page Basic Information.")
        secret = _secret("Signing Secret", known.get(_SECRET), signing_secret_fault)
        values: dict[str, str | None] = {_BOT: bot, _SECRET: secret, _APP: None}
    else:
        print(
            "\n3. The app-level token: Basic Information, App-Level Tokens, with the scope connections:write."
        )
        app = _secret("App-Level Token (xapp-…)", known.get(_APP), lambda text: token_fault(text, "xapp-"))
        await _check_app(client, app)
        values = {_BOT: bot, _APP: app}
    _keep(values)
    client.token = bot
    return team


def _secret(name: str, known: str | None, fault_of: Callable[[str], str | None]) -> str:
    """Ask for a secret, or keep the one there is. Raises _GivenUp."""
    if known is not None and fault_of(known) is not None:
        # What .env.example holds is no token yet.
        known = None
    keep = f" [Enter keeps {known[:5]}…{known[-4:]}]" if known else ""
    given = ask_secret(f"{name}{keep}: ") or known
    if not given:
        raise _GivenUp("Nothing was given.")
    if fault := fault_of(given):
        raise _GivenUp(fault)
    return given


async def _check_bot(client: AsyncWebClient, token: str, manifest: str) -> str:
    client.token = token
    try:
        answer = await call(client, "auth.test")
    except SlackUnavailable as error:
        raise _unreachable("the bot token", error) from error
    except SlackError as error:
        raise _GivenUp(f"Slack did not accept the bot token ({error.code}).") from error
    headers = {name.lower(): value for name, value in answer.headers.items()}
    scopes = yaml.safe_load(manifest)["oauth_config"]["scopes"]
    finding = judge_scopes(
        str(headers.get("x-oauth-scopes", "")), scopes["bot"], scopes.get("bot_optional", [])
    )
    _tell(finding)
    if finding.level is Level.FAIL:
        raise _GivenUp("The token's scopes do not suffice.")
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
        raise _GivenUp(
            f"Slack will not open a connection with the app-level token ({error.code}). It needs the scope"
            " connections:write, and Socket Mode must be on."
        ) from error
    print("   Slack offers a connection.")


def _unreachable(what: str, error: SlackUnavailable) -> _GivenUp:
    return _GivenUp(
        f"Slack could not be asked about {what} ({error.code}): check the network, or try again in a minute."
    )


def _keep(values: Mapping[str, str | None]) -> None:
    try:
        write_env(ENV, with_variables(_written(), values))
    except OSError as error:
        raise _GivenUp(f"{ENV} could not be written ({error.strerror}).") from error
    print(f"   Written to {ENV}, which only you can read.")


def _written() -> str:
    return ENV.read_text(encoding=ENV_ENCODING) if ENV.exists() else ""


async def _first_channel(settings: SetupSettings, client: AsyncWebClient, team: str) -> None:
    print("\n4. The first channel. In Slack: the channel's name, About, at the bottom: Channel ID.")
    channel = _asked_channel(team)
    if not channel:
        print(f"   Later: haltbot key set --team {team} --channel C…")
        return
    # Without a key nothing can be stopped there, so nothing is announced.
    if await _set_key(settings, team, channel):
        await _announce(client, team, channel)


async def _announce(client: AsyncWebClient, team: str, channel: str) -> None:
    print("\n5. A test message.")
    try:
        await call(
            client,
            "chat.postMessage",
            channel=channel,
            text=replies.SET_UP,
        )
    except SlackError as error:
        print(f"   Slack did not take it ({error.code}).{_remedy(error.code, team, channel)}")
        print("   The key is set all the same.")
    else:
        print(f"   Posted in {channel}.")


def _remedy(code: str, team: str, channel: str) -> str:
    match code:
        case "not_in_channel":
            return " Type /invite @haltbot there."
        case "channel_not_found":
            return (
                " If the channel is private, type /invite @haltbot there. Or its ID is wrong; then take the key away"
                f" again: haltbot key remove --team {team} --channel {channel}"
            )
        case _:
            return ""


def _asked_channel(team: str) -> str:
    """Ask until it can be a channel's id; a name would only be found to be wrong in the night."""
    while (channel := ask("Channel ID (Enter: later): ")) and not is_place(team, channel):
        print("   That is not a channel's ID, which looks like C0123ABCD; the channel's name does not do.")
    return channel


async def _set_key(settings: SetupSettings, team: str, channel: str) -> bool:
    """Ask for the channel's key; tells whether there was one. Raises _GivenUp."""
    key = ask_secret("The channel's Vibecode API key (vibe_api_…, Enter: later): ")
    if not key:
        print(f"   Later: haltbot key set --team {team} --channel {channel}")
        return False
    if key.startswith(APPLICATION):
        raise _GivenUp(
            "The key was not stored: an application key (vibe_app_…) needs a session token, for which setup does not"
            f" ask: haltbot key set --session --team {team} --channel {channel}"
        )
    try:
        check_key(key, None)
    except KeyNotAccepted as refused:
        raise _GivenUp(f"The key was not stored: {refused}") from refused
    vault = open_vault(settings)
    async with opened_store(settings.database_url, may_create=True) as store:
        await _check_key(settings, Place(team, channel), key, await store.now())
        await Keys(store, vault).set(team, channel, key, None, by=operator())
    print(f"   Key {hint(key)} is set for {channel}.")
    return True


async def _check_key(settings: SetupSettings, place: Place, key: str, now: int) -> None:
    async with open_client(settings.vibecode_api_url) as http:
        report = await examine(VibecodeClient(http), ApiKey(key), now)
    if report.problem:
        raise _GivenUp(f"The key was not stored: {report.problem}")
    for finding in judge_key(place, report.facts, now):
        _tell(finding)


def _tell(finding: Finding) -> None:
    print(f"   {finding.level}: {finding.told}" + (f" {finding.remedy}" if finding.remedy else ""))
