"""What is said of people's connected accounts, and of channels that others share."""

from bot.domain.connection import PersonSession
from bot.messages.blocks import button, with_buttons
from bot.messages.language import _, paragraph
from bot.messages.mrkdwn import escape
from bot.messages.times import moment
from bot.ports.messenger import Message

CONNECT_LINK = "connection_link_open"


def connect(address: str) -> Message:
    """The answer to ``connect``, with the button that leads there."""
    opening = button(_("Connect in the browser"), CONNECT_LINK, "open", style="primary") | {"url": address}
    told = paragraph(
        _("*Connect your Bitrix24 account.* What you stop in this channel is then done in your name."),
        one_time(),
        _("A connection lasts about a day; Haltbot tells you before it ends."),
    )
    return with_buttons(told, [opening])


def one_time() -> str:
    """Say what a one-time link is."""
    return _("The link works once, for ten minutes, and is yours alone: do not pass it on.")


def your_session(session: PersonSession | None, now: int) -> str:
    """Say whether the reader's own account is connected."""
    if session is None:
        return _("Your Bitrix24 account is not connected: `{command} connect`.")
    if session.expires_at <= now:
        return _("Your connection has ended: `{command} connect` renews it.")
    time = moment(session.expires_at)
    if not session.name:
        return _("You are connected until {time}.", time=time)
    return _("You are connected as {name} until {time}.", name=escape(session.name), time=time)


def connected(session: PersonSession, *, resumed: bool) -> str:
    """Say that it worked, and until when it lasts."""
    values = {"channel": session.channel, "time": moment(session.expires_at)}
    return paragraph(
        _("You are connected as {name} in <#{channel}> until {time}.", name=escape(session.name), **values)
        if session.name
        else _("You are connected in <#{channel}> until {time}.", **values),
        _("What was refused a moment ago goes on now, in its message.") if resumed else None,
    )


def session_ends(session: PersonSession) -> str:
    """Say it before it happens at the wrong moment."""
    return _(
        "Your Bitrix24 connection in <#{channel}> ends on {time}. `{command} connect` in that channel renews it.",
        channel=session.channel,
        time=moment(session.expires_at),
    )


def not_connected() -> str:
    """Say that it did not work."""
    return _(
        "Your Bitrix24 account could not be connected: Vibecode did not give a session. Nothing was changed; try `{command} connect` again."
    )


def became_shared(channel: str, team: str) -> str:
    """Tell those who configure a channel what changes, and what they can do about it."""
    return _(
        "<#{channel}> is shared with another organisation now ({team}). From now on Haltbot's messages about workflows go privately to whoever asked, and people of that organisation can neither command nor press anything. To let them see and act, add their team to *allowed_teams*: `{command} config`.",
        channel=channel,
        team=escape(team),
    )
