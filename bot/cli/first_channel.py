"""The last steps of ``haltbot setup``: a channel, its key, and a message that shows that both work."""

from slack_sdk.web.async_client import AsyncWebClient

from bot.channels.keys import Keys, check_key, hint
from bot.cli.key import report_on
from bot.cli.options import are_ids
from bot.cli.prompt import ask, ask_secret
from bot.cli.shell import CommandFailed, opened_store, operator, print_finding
from bot.config.settings import SettingsInvalid, SetupSettings
from bot.domain.api_key import APPLICATION, ApiKey
from bot.domain.errors import KeyNotAccepted, SlackError
from bot.domain.findings import Place, judge_key
from bot.messages import keys, replies
from bot.slack import web_api
from bot.store.opening import open_vault


async def first_channel(settings: SetupSettings, client: AsyncWebClient, team: str) -> bool:
    """Give a channel its key; returns whether it has one. Raises CommandFailed."""
    print("\n4. The first channel. In Slack: the channel's name, About, at the bottom: Channel ID.")
    channel = await _asked_channel(client, team)
    if not channel:
        print(f"   Later: haltbot key set --team {team} --channel C…")
        return False
    # Without a key nothing can be stopped there, so nothing is announced.
    if not await _set_key(settings, team, channel):
        return False
    await _announce(client, channel)
    return True


async def _announce(client: AsyncWebClient, channel: str) -> None:
    print("\n5. A test message.")
    try:
        await web_api.call(client, "chat.postMessage", channel=channel, text=replies.set_up())
    except SlackError as error:
        remedy = " Type /invite @haltbot there." if error.code == "not_in_channel" else ""
        print(f"   Slack did not take it ({error.code}).{remedy} The key is set all the same.")
    else:
        print(f"   Posted in {channel}.")


async def _asked_channel(client: AsyncWebClient, team: str) -> str:
    """Ask until Slack knows the channel; what is wrong would only be found in the night."""
    while channel := ask("Channel ID (Enter: later): "):
        if not are_ids(team, channel):
            print(
                "   That is not a channel's ID, which looks like C0123ABCD; the channel's name does not do."
            )
        elif await _is_unknown(client, channel):
            print(
                "   Slack knows no such channel, or it is private: then type /invite @haltbot there first, and give"
                " its ID again."
            )
        else:
            break
    return channel


async def _is_unknown(client: AsyncWebClient, channel: str) -> bool:
    try:
        await web_api.ask(client, "conversations.info", channel=channel)
    except SlackError as error:
        # Whoever may not look learns nothing against the channel.
        return error.code == "channel_not_found"
    return False


async def _set_key(settings: SetupSettings, team: str, channel: str) -> bool:
    """Ask for the channel's key, or keep the one there is; returns whether it has one. Raises CommandFailed."""
    known = await _known_key(settings, team, channel)
    enter = f"Enter keeps {known}" if known else "Enter: later"
    key = ask_secret(f"The channel's Vibecode API key (vibe_api_…, {enter}): ")
    if known and not key:
        print(f"   Key {known} stays set for {channel}.")
        return True
    if not key:
        print(f"   Later: haltbot key set --team {team} --channel {channel}")
        return False
    if key.startswith(APPLICATION):
        raise CommandFailed(
            "The key was not stored: an application key (vibe_app_…) needs a session token, for which setup does not"
            f" ask: haltbot key set --session --team {team} --channel {channel}"
        )
    try:
        check_key(key, None)
    except KeyNotAccepted as refused:
        raise CommandFailed(keys.not_accepted(refused)) from refused
    vault = open_vault(settings)
    async with opened_store(settings.database_url, may_create=True) as store:
        await _check_key(settings, Place(team, channel), key, await store.now())
        await Keys(store, vault).set(team, channel, key, None, by=operator())
    print(f"   Key {hint(key)} is set for {channel}.")
    return True


async def _known_key(settings: SetupSettings, team: str, channel: str) -> str | None:
    try:
        async with opened_store(settings.database_url) as store:
            stored = await store.channel_key(team, channel)
    except SettingsInvalid:
        # There is no database yet.
        return None
    return stored.hint if stored else None


async def _check_key(settings: SetupSettings, place: Place, key: str, now: int) -> None:
    """Raises CommandFailed for a key that cannot stop anything."""
    report = await report_on(ApiKey(key), settings.vibecode_api_url, now)
    if report.problem:
        raise CommandFailed(keys.not_stored(report))
    for finding in judge_key(place, report.facts, now):
        print_finding(finding)
