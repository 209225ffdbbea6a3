"""What Haltbot says about keys, connected accounts, one-time links and channels that others share."""

from collections.abc import Callable, Mapping
from typing import Any

from bot.domain.api_key import ChannelKey, KeyReport
from bot.domain.command import COMMAND
from bot.domain.connection import PersonSession
from bot.messages.instance_text import moment
from bot.messages.mrkdwn import escape

_ONE_TIME = "The link works once, for ten minutes, and is yours alone: do not pass it on."

REFUSALS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "nothing_to_connect": lambda _: (
        "This channel has a personal API key, which needs no account of yours: there is nothing to connect. If its own"
        " session has ended, its owner has to authorise it again in Vibecode, or somebody sets another key."
    ),
    "no_public_url": lambda _: (
        "Accounts are connected in the browser, and this Haltbot has no address that a browser can reach."
        " Ask a Haltbot admin to set HALTBOT_PUBLIC_URL, or to set the key with a session: `haltbot key set --session`."
    ),
    "link_gone": lambda _: (
        f"This link was used already, has expired, or was tried too often. `{COMMAND} key` makes another one."
    ),
    "key_gone": lambda _: "This channel had no key any more; nothing was changed.",
}


def key(stored: ChannelKey | None, report: KeyReport | None, worked_at: int | None) -> str:
    """Describe a channel's key without telling it."""
    if stored is None:
        return "*This channel has no Vibecode API key yet.*"
    lines = [f"*This channel's Vibecode API key:* `{stored.hint}`"]
    lines.append(f"Set by {_setter(stored.set_by)} on {moment(stored.set_at)}.")
    lines.append(f"Last worked on {moment(worked_at)}." if worked_at else "It has stopped nothing here yet.")
    return "\n".join([*lines, *_checked(report)])


def _setter(by: str) -> str:
    kind, _, who = by.partition(":")
    return f"<@{who}>" if kind == "user" and who else f"{escape(who or by)}, in a shell"


def _checked(report: KeyReport | None) -> list[str]:
    if report is None:
        return [
            "It is an application's key, and your account is not connected, so it could not be checked now."
        ]
    facts = report.facts
    known = [
        f"Portal: {escape(facts.portal)}." if facts.portal else "",
        f"Acts as user {escape(facts.owner)}." if facts.owner else "",
        f"Scopes: {escape(', '.join(facts.scopes))}." if facts.scopes else "",
        f"Access: {escape(facts.access_mode)}." if facts.access_mode else "",
        f"Expires on {moment(facts.expires_at)}." if facts.expires_at else "",
    ]
    said = " ".join(filter(None, known))
    if report.unreachable:
        verdict = f"It could not be checked now: {report.problem}"
    elif report.problem:
        verdict = f"*It does not work:* {report.problem}"
    else:
        verdict = "Checked just now: it works."
    return [said, verdict] if said else [verdict]


def your_session(session: PersonSession | None, now: int) -> str:
    """Say whether the reader's own account is connected."""
    if session is None:
        return f"Your Bitrix24 account is not connected: `{COMMAND} connect`."
    if session.expires_at <= now:
        return f"Your connection has ended: `{COMMAND} connect` renews it."
    return f"You are connected{_as(session)} until {moment(session.expires_at)}."


def hand_in(address: str | None, team: str, channel: str) -> str:
    """Say how a key gets in."""
    if address is None:
        return (
            "A key is handed in with a shell, never in chat:"
            f" `haltbot key set --team {team} --channel {channel}`. Once HALTBOT_PUBLIC_URL is set, a page does it too."
        )
    return f"A key is handed in on a page of Haltbot's own, never in chat. {_ONE_TIME}"


def connect() -> str:
    """Say what the button under this does."""
    return (
        "*Connect your Bitrix24 account.* What you stop in this channel is then done in your name."
        f" {_ONE_TIME} A connection lasts about a day; Haltbot tells you before it ends."
    )


def connected(session: PersonSession, *, resumed: bool) -> str:
    """Say that it worked, and until when it lasts."""
    went_on = " What was refused a moment ago goes on now, in its message." if resumed else ""
    return f"You are connected{_as(session)} in <#{session.channel}> until {moment(session.expires_at)}.{went_on}"


def session_ends(session: PersonSession) -> str:
    """Say it before it happens at the wrong moment."""
    return (
        f"Your Bitrix24 connection in <#{session.channel}> ends on {moment(session.expires_at)}."
        f" `{COMMAND} connect` in that channel renews it."
    )


def not_connected() -> str:
    return (
        "Your Bitrix24 account could not be connected: Vibecode did not give a session."
        f" Nothing was changed; try `{COMMAND} connect` again."
    )


def key_removed() -> str:
    return "The key was removed: nothing can be stopped from this channel until another one is set."


def became_shared(channel: str, team: str) -> str:
    """Tell those who configure a channel what changes, and what they can do about it."""
    return (
        f"<#{channel}> is shared with another organisation now ({escape(team)}). From now on Haltbot's messages about"
        " workflows go privately to whoever asked, and people of that organisation can neither command nor press"
        f" anything. To let them see and act, add their team to *allowed_teams*: `{COMMAND} config`."
    )


def _as(session: PersonSession) -> str:
    return f" as {escape(session.name)}" if session.name else ""
