"""What an examination found, in words: what is wrong, and what mends it; for Slack and for the terminal."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from bot.domain.findings import Finding, Level
from bot.messages import keys
from bot.messages.blocks import private
from bot.messages.error_catalog import explain
from bot.messages.language import N_, _, n_, paragraph
from bot.messages.mrkdwn import escape
from bot.messages.times import utc
from bot.ports.messenger import Message

_SIGNS = {Level.OK: ":white_check_mark:", Level.WARN: ":warning:", Level.FAIL: ":red_circle:"}
_ABOUT_A_CHANNEL = re.compile(r"haltbot key (?:set|remove)(?: --session)?(?! --)")

Values = Mapping[str, Any]
Says = str | Callable[[Values], str]


def describe(finding: Finding) -> str:
    """Say what was found."""
    return _said(_TOLD[finding.says], finding.values)


def remedy(finding: Finding) -> str:
    """Say what mends it; empty where nothing has to be. Its commands can be run as they stand."""
    if finding.says not in _REMEDIES:
        return ""
    said = _said(_REMEDIES[finding.says], finding.values)
    if finding.channel is None:
        return said
    return _ABOUT_A_CHANNEL.sub(rf"\g<0> --team {finding.team} --channel {finding.channel}", said)


def json_of(finding: Finding) -> dict[str, Any]:
    """Describe a finding to a machine; what it says is for people all the same."""
    return {
        "check": finding.check,
        "level": finding.level,
        "told": describe(finding),
        "remedy": remedy(finding),
        "team": finding.team,
        "channel": finding.channel,
    }


def line(finding: Finding, *, with_channel: bool = True) -> str:
    """One finding; Slack shows a channel's name to those alone who may see it."""
    where = f"<#{finding.channel}>: " if finding.channel and with_channel else ""
    # What was found may repeat somebody else's words; what to do are our own.
    return paragraph(f"{_SIGNS[finding.level]} {where}{escape(describe(finding))}", remedy(finding))


def warning(findings: Sequence[Finding]) -> Message:
    """The private message to somebody who can mend it."""
    return private(
        "\n".join(
            [
                _("*Haltbot found something to mend before it is needed:*"),
                *(f"• {line(finding)}" for finding in findings),
                _("You are told once a week. `haltbot doctor` checks everything again."),
            ]
        )
    )


def by_channel(findings: Iterable[Finding]) -> list[tuple[str, list[Finding]]]:
    """Group findings by their channel."""
    grouped: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.channel:
            grouped.setdefault(finding.channel, []).append(finding)
    return list(grouped.items())


def _said(says: Says, values: Values) -> str:
    return says(values) if callable(says) else _(says, **values)


def _settings_unknown(values: Values) -> str:
    return n_(
        "There is no setting {names}; it is without effect.",
        "There are no settings {names}; they are without effect.",
        len(values["names"]),
        names=", ".join(values["names"]),
    )


def _key_expires(values: Values) -> str:
    return n_(
        "The key expires in {count} day, on {date}.",
        "The key expires in {count} days, on {date}.",
        values["days"],
        date=utc(values["expires_at"]),
    )


def _key_good(values: Values) -> str:
    return paragraph(
        _("The key may stop workflows."),
        _("Kind: {kind}.", kind=values["kind"]) if values["kind"] else None,
        _("Portal: {portal}.", portal=values["portal"]) if values["portal"] else None,
        _("Owner: {owner}.", owner=values["owner"]) if values["owner"] else None,
    )


def _version_good(values: Values) -> str:
    return n_(
        "The database has this version's {count} migration.",
        "The database has this version's {count} migrations.",
        values["count"],
    )


def _why(values: Values) -> str:
    return explain(values["code"], values.get("status")).why


def _why_with_code(values: Values) -> str:
    return _("{why} ({code})", why=_why(values), code=values["code"])


def _mend(values: Values) -> str:
    return explain(values["code"], values.get("status")).remedy


_TIME_SERVER = N_("Let the machine's clock follow a time server (NTP).")
_CORRECT = N_("Correct it in .env or in the environment.")
_RESTORE = N_("Stop Haltbot, then haltbot restore FILE with a backup; it keeps the damaged file.")
_PROXY = N_("Look at the proxy and the DNS entry: it has to pass requests on to HALTBOT_HOST:HALTBOT_PORT.")

_TOLD: dict[str, Says] = N_(
    {
        # The settings
        "settings_good": "The settings can be read.",
        "settings_wrong": "{problem}",
        "settings_wrong_setup_helps": "{problem}",
        "settings_unknown": _settings_unknown,
        "settings_file_open": "{path} holds the tokens, and others on this machine may read it (mode {mode}).",
        # The database
        "database_good": "The database answers and can be written.",
        "database_missing": "There is no database yet at {path}.",
        "database_unusable": "The database cannot be used: {problem}",
        "database_damaged": "The database cannot be used: {problem}",
        "database_clock": "The database's clock is {seconds} s away from this machine's.",
        "database_key_file_open": "{path} opens every stored key, and others on this machine may read it (mode {mode}).",
        "disk_full": "{megabytes} MB are free where the database is.",
        "disk_low": "{megabytes} MB are free where the database is.",
        "disk_good": "{megabytes} MB are free where the database is.",
        "file_unreadable": "The file cannot be read: {problem}",
        "file_damaged": "The database file is damaged.",
        "file_good": "The database file is sound.",
        "version_unknown": "Its version cannot be read: {problem}",
        "version_newer": "The database was made by a newer Haltbot ({migrations}).",
        "version_good": _version_good,
        # The bot itself
        "not_running": "No Haltbot answers at {url}.",
        "running": "Haltbot runs here and is ready.",
        "not_ready": "Haltbot runs here and is not ready: {parts}.",
        "public": "{url} leads to Haltbot.",
        "public_unreachable": "{url} cannot be reached ({code}).",
        "public_is_another": "{url} is answered by something else than Haltbot (HTTP {status}).",
        # Slack
        "token_good": "Slack knows the bot in {name} ({team}).",
        "token_refused": "Slack refuses SLACK_BOT_TOKEN ({code}).",
        "slack_unreachable": "Slack cannot be reached ({code}).",
        "scopes_unknown": "Slack does not say which scopes the token has.",
        "scopes_missing": "The token lacks these scopes: {scopes}.",
        "scopes_optional": "The token lacks these optional scopes: {scopes}.",
        "scopes_good": "The token has the manifest's scopes.",
        "clock_unknown": "Slack's answer carries no time to compare with.",
        "clock_ahead": "This machine's clock is {seconds} s ahead of Slack's.",
        "clock_behind": "This machine's clock is {seconds} s behind Slack's.",
        "clock_too_far_ahead": "This machine's clock is {seconds} s ahead of Slack's: signatures will be refused as too old.",
        "clock_too_far_behind": "This machine's clock is {seconds} s behind Slack's: signatures will be refused as too old.",
        "clock_good": "This machine's clock agrees with Slack's.",
        "way_in_http": "HTTP mode: Slack posts to /slack/events at your public address; requests are signed.",
        "way_in_socket": "Slack offers a Socket Mode connection.",
        "way_in_refused": "Slack will not open a Socket Mode connection ({code}).",
        # The channels
        "channel_good": "Haltbot is a member; the channel is open and your own.",
        "channel_archived": "The channel is archived: its messages go to people directly.",
        "channel_shared": "The channel is shared with another organisation, whose people read what Haltbot writes.",
        "channel_not_member": "Haltbot is no member of the channel, so it can only answer commands there.",
        "channel_unseen": "Haltbot does not see the channel: it is private without it, or gone.",
        "channel_scope_missing": "What the channel is like cannot be seen ({code}).",
        "channel_unanswered": "What the channel is like cannot be seen ({code}).",
        # Their keys
        "no_keys": "No channel has a key yet, so nothing can be stopped.",
        "key_personal": "It is an application's key: each person connects their own Bitrix24 account to it.",
        "key_good": _key_good,
        "key_expires": _key_expires,
        "key_unopened": _why,
        "key_refused": _why_with_code,
        "workflows_read": "The running workflows can be read: {count}.",
        **{f"key_{fault}": said for fault, said in keys.FAULTS.items()},
    }
)
_REMEDIES: dict[str, Says] = N_(
    {
        "settings_wrong": _CORRECT,
        "settings_wrong_setup_helps": "Correct it in .env or in the environment; haltbot setup helps.",
        "settings_unknown": "Compare the name with the documentation.",
        "settings_file_open": "chmod 600 {quoted}",
        "database_missing": "haltbot run makes it, and so does haltbot key set; if there should be one, check DATABASE_URL.",
        "database_unusable": "Check DATABASE_URL.",
        "database_damaged": _RESTORE,
        "database_clock": "Let both follow a time server (NTP).",
        "database_key_file_open": "chmod 600 {quoted}",
        "disk_full": "Make room: without it no command can be recorded.",
        "disk_low": "Make room, or set HALTBOT_RETENTION_DAYS.",
        "file_unreadable": _RESTORE,
        "file_damaged": _RESTORE,
        "version_newer": "Run that newer version, or restore a backup.",
        "not_running": "Start it: haltbot run (or it runs on another machine).",
        "not_ready": "Look into its log.",
        "public_unreachable": _PROXY,
        "public_is_another": _PROXY,
        "token_refused": "Copy the Bot User OAuth Token again from the app's page OAuth & Permissions: haltbot setup.",
        "slack_unreachable": "Check the network and the way to {host}; SLACK_API_URL names it.",
        "scopes_missing": "Add them under OAuth & Permissions (or paste `haltbot manifest` again), reinstall the app, copy the token.",
        "scopes_optional": "Without them Haltbot sees and checks less in Slack. To have all, grant them and reinstall the app.",
        "clock_ahead": _TIME_SERVER,
        "clock_behind": _TIME_SERVER,
        "clock_too_far_ahead": _TIME_SERVER,
        "clock_too_far_behind": _TIME_SERVER,
        "way_in_refused": "Check SLACK_APP_TOKEN (xapp-…, scope connections:write) and that Socket Mode is on.",
        "channel_archived": "Unarchive it, or set the key in another channel.",
        "channel_shared": "Move the key to a channel of your own, unless this is meant.",
        "channel_not_member": "Type /invite @haltbot in the channel.",
        "channel_unseen": "Type /invite @haltbot in the channel, or remove its key: `haltbot key remove`.",
        "channel_scope_missing": "Grant channels:read and groups:read.",
        "channel_unanswered": "Try again when Slack answers.",
        "no_keys": "haltbot key set --team T… --channel C…",
        "key_expires": keys.ISSUE,
        "key_unopened": _mend,
        "key_refused": _mend,
        **{f"key_{fault}": said for fault, said in keys.REMEDIES.items()},
    }
)
