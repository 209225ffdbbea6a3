"""What an examination found, in words: what is wrong, and what mends it; for Slack and for the terminal."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bot.domain.findings import Finding, Level
from bot.messages import keys
from bot.messages.blocks import private
from bot.messages.error_catalog import explain
from bot.messages.language import N_, _, n_, paragraph
from bot.messages.mrkdwn import escape
from bot.messages.times import utc
from bot.ports.core import Message

_SIGNS = {Level.OK: ":white_check_mark:", Level.WARN: ":warning:", Level.FAIL: ":red_circle:"}
_ABOUT_A_CHANNEL = re.compile(r"haltbot key (?:set|remove)(?: --session)?(?! --)")

Values = Mapping[str, Any]


def told(finding: Finding) -> str:
    """Say what was found."""
    says = _SAYS[finding.says][0]
    return says(finding.values) if callable(says) else _(says, **finding.values)


def remedy(finding: Finding) -> str:
    """Say what mends it; empty where nothing has to be. Its commands can be run as they stand."""
    says = _SAYS[finding.says][1]
    if not says:
        return ""
    said = says(finding.values) if callable(says) else _(says, **finding.values)
    if finding.channel is None:
        return said
    return _ABOUT_A_CHANNEL.sub(rf"\g<0> --team {finding.team} --channel {finding.channel}", said)


def json_of(finding: Finding) -> dict[str, Any]:
    """Describe a finding to a machine; what it says is for people all the same."""
    known = asdict(finding)
    return {
        "check": known["check"],
        "level": known["level"],
        "told": told(finding),
        "remedy": remedy(finding),
        "team": known["team"],
        "channel": known["channel"],
    }


def line(finding: Finding, *, with_channel: bool = True) -> str:
    """One finding; Slack shows a channel's name to those alone who may see it."""
    where = f"<#{finding.channel}>: " if finding.channel and with_channel else ""
    # What was found may repeat somebody else's words; what to do are our own.
    return paragraph(f"{_SIGNS[finding.level]} {where}{escape(told(finding))}", remedy(finding))


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

Says = str | Callable[[Values], str]
_SAYS: dict[str, tuple[Says, Says]] = {
    # The settings
    "settings_good": (N_("The settings can be read."), ""),
    "settings_wrong": (N_("{problem}"), _CORRECT),
    "settings_wrong_setup_helps": (
        N_("{problem}"),
        N_("Correct it in .env or in the environment; haltbot setup helps."),
    ),
    "settings_unknown": (
        lambda v: n_(
            "There is no setting {names}; it is without effect.",
            "There are no settings {names}; they are without effect.",
            len(v["names"]),
            names=", ".join(v["names"]),
        ),
        N_("Compare the name with the documentation."),
    ),
    "settings_file_open": (
        N_("{path} holds the tokens, and others on this machine may read it (mode {mode})."),
        N_("chmod 600 {quoted}"),
    ),
    # The database
    "database_good": (N_("The database answers and can be written."), ""),
    "database_missing": (
        N_("There is no database yet at {path}."),
        N_("haltbot run makes it, and so does haltbot key set; if there should be one, check DATABASE_URL."),
    ),
    "database_unusable": (N_("The database cannot be used: {problem}"), N_("Check DATABASE_URL.")),
    "database_damaged": (N_("The database cannot be used: {problem}"), _RESTORE),
    "database_clock": (
        N_("The database's clock is {seconds} s away from this machine's."),
        N_("Let both follow a time server (NTP)."),
    ),
    "database_key_file_open": (
        N_("{path} opens every stored key, and others on this machine may read it (mode {mode})."),
        N_("chmod 600 {quoted}"),
    ),
    "disk_full": (
        N_("{megabytes} MB are free where the database is."),
        N_("Make room: without it no command can be recorded."),
    ),
    "disk_low": (
        N_("{megabytes} MB are free where the database is."),
        N_("Make room, or set HALTBOT_RETENTION_DAYS."),
    ),
    "disk_good": (N_("{megabytes} MB are free where the database is."), ""),
    "file_unreadable": (N_("The file cannot be read: {problem}"), _RESTORE),
    "file_damaged": (N_("The database file is damaged."), _RESTORE),
    "file_good": (N_("The database file is sound."), ""),
    "version_unknown": (N_("Its version cannot be read: {problem}"), ""),
    "version_newer": (
        N_("The database was made by a newer Haltbot ({migrations})."),
        N_("Run that newer version, or restore a backup."),
    ),
    "version_good": (_version_good, ""),
    # The bot itself
    "not_running": (
        N_("No Haltbot answers at {url}."),
        N_("Start it: haltbot run (or it runs on another machine)."),
    ),
    "running": (N_("Haltbot runs here and is ready."), ""),
    "not_ready": (N_("Haltbot runs here and is not ready: {parts}."), N_("Look into its log.")),
    "public": (N_("{url} leads to Haltbot."), ""),
    "public_unreachable": (N_("{url} cannot be reached ({code})."), _PROXY),
    "public_is_another": (
        N_("{url} is answered by something else than Haltbot (HTTP {status})."),
        _PROXY,
    ),
    # Slack
    "token_good": (N_("Slack knows the bot in {name} ({team})."), ""),
    "token_refused": (
        N_("Slack refuses SLACK_BOT_TOKEN ({code})."),
        N_("Copy the Bot User OAuth Token again from the app's page OAuth & Permissions: haltbot setup."),
    ),
    "slack_unreachable": (
        N_("Slack cannot be reached ({code})."),
        N_("Check the network and the way to {host}; SLACK_API_URL names it."),
    ),
    "scopes_unknown": (N_("Slack does not say which scopes the token has."), ""),
    "scopes_missing": (
        N_("The token lacks scopes: {scopes}."),
        N_(
            "Add them under OAuth & Permissions (or paste `haltbot manifest` again), reinstall the app, copy the token."
        ),
    ),
    "scopes_optional": (
        N_("The token lacks optional scopes: {scopes}."),
        N_(
            "Without them Haltbot sees and checks less in Slack. To have all, grant them and reinstall the app."
        ),
    ),
    "scopes_good": (N_("The token has the manifest's scopes."), ""),
    "clock_unknown": (N_("Slack's answer carries no time to compare with."), ""),
    "clock_ahead": (N_("This machine's clock is {seconds} s ahead of Slack's."), _TIME_SERVER),
    "clock_behind": (N_("This machine's clock is {seconds} s behind Slack's."), _TIME_SERVER),
    "clock_too_far_ahead": (
        N_("This machine's clock is {seconds} s ahead of Slack's: signatures will be refused as too old."),
        _TIME_SERVER,
    ),
    "clock_too_far_behind": (
        N_("This machine's clock is {seconds} s behind Slack's: signatures will be refused as too old."),
        _TIME_SERVER,
    ),
    "clock_good": (N_("This machine's clock agrees with Slack's."), ""),
    "way_in_http": (
        N_("HTTP mode: Slack posts to /slack/events at your public address; requests are signed."),
        "",
    ),
    "way_in_socket": (N_("Slack offers a Socket Mode connection."), ""),
    "way_in_refused": (
        N_("Slack will not open a Socket Mode connection ({code})."),
        N_("Check SLACK_APP_TOKEN (xapp-…, scope connections:write) and that Socket Mode is on."),
    ),
    # The channels
    "channel_good": (N_("Haltbot is a member; the channel is open and your own."), ""),
    "channel_archived": (
        N_("The channel is archived: its messages go to people directly."),
        N_("Unarchive it, or set the key in another channel."),
    ),
    "channel_shared": (
        N_("The channel is shared with another organisation, whose people read what Haltbot writes."),
        N_("Move the key to a channel of your own, unless this is meant."),
    ),
    "channel_not_member": (
        N_("Haltbot is no member of the channel, so it can only answer commands there."),
        N_("Type /invite @haltbot in the channel."),
    ),
    "channel_unseen": (
        N_("Haltbot does not see the channel: it is private without it, or gone."),
        N_("Type /invite @haltbot in the channel, or remove its key: `haltbot key remove`."),
    ),
    "channel_scope_missing": (
        N_("What the channel is like cannot be seen ({code})."),
        N_("Grant channels:read and groups:read."),
    ),
    "channel_unanswered": (
        N_("What the channel is like cannot be seen ({code})."),
        N_("Try again when Slack answers."),
    ),
    # Their keys
    "no_keys": (
        N_("No channel has a key yet, so nothing can be stopped."),
        N_("haltbot key set --team T… --channel C…"),
    ),
    "key_personal": (
        N_("It is an application's key: each person connects their own Bitrix24 account to it."),
        "",
    ),
    "key_good": (_key_good, ""),
    "key_expires": (_key_expires, keys.ISSUE),
    "key_unopened": (_why, _mend),
    "key_refused": (_why_with_code, _mend),
    "workflows_read": (N_("The running workflows can be read: {count}."), ""),
    **{f"key_{fault}": says for fault, says in keys.FAULTS.items()},
}
