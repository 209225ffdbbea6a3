"""What is said of a channel's key: the answer to ``key``, and why a key is of no use."""

from bot.domain.api_key import ChannelKey, KeyCard, KeyFault, KeyReport
from bot.domain.errors import KeyNotAccepted
from bot.domain.permissions import Actor
from bot.messages.blocks import button, plain, with_buttons
from bot.messages.connections import one_time, your_session
from bot.messages.error_catalog import explain
from bot.messages.language import N_, _, paragraph
from bot.messages.mrkdwn import escape
from bot.messages.times import moment
from bot.ports.messenger import Message

KEY_LINK = "key_link_open"
KEY_REMOVE = "key_remove"

ISSUE = N_("Issue a new key in Vibecode and set it: `haltbot key set`.")
FAULTS = N_(
    {
        KeyFault.MANAGEMENT: "A management key (vibe_live_…) reaches no workflows.",
        KeyFault.READ_ONLY: "The key may only read, so nothing can be stopped.",
        KeyFault.NO_SCOPE: "The key lacks the scope bizproc. Scopes are fixed when a key is issued.",
        KeyFault.EXPIRED: "The key has expired.",
        KeyFault.NO_KEY: "This is no key: one looks like vibe_api_… (or vibe_app_… with a session).",
        KeyFault.NEEDS_SESSION: "An application key (vibe_app_…) needs a session token.",
        KeyFault.NEEDS_NO_SESSION: "A personal key (vibe_api_…) goes without a session token.",
        KeyFault.NO_TOKEN: "The session token contains characters that no token has.",
    }
)
"""Why a key is of no use."""
REMEDIES = N_(
    {
        KeyFault.MANAGEMENT: "Issue a personal key (vibe_api_…) with the scope bizproc and set it: `haltbot key set`.",
        KeyFault.READ_ONLY: "Issue a key with access mode READWRITE and set it: `haltbot key set`.",
        KeyFault.NO_SCOPE: "Issue a new key with bizproc and set it: `haltbot key set`.",
        KeyFault.EXPIRED: ISSUE,
        KeyFault.NO_KEY: "Copy the whole key from Vibecode.",
        KeyFault.NEEDS_SESSION: "Set it with its session: `haltbot key set --session`.",
        KeyFault.NEEDS_NO_SESSION: "Leave --session out.",
        KeyFault.NO_TOKEN: "Copy the whole token from Vibecode.",
    }
)
"""What an admin does about it."""


def not_accepted(refused: KeyNotAccepted) -> str:
    """Say in a shell why what was entered as a key was not stored, and what to do."""
    fault = KeyFault(refused.fault)
    return paragraph(_("The key was not stored."), _(FAULTS[fault]), _(REMEDIES[fault]))


def not_stored(report: KeyReport) -> str:
    """Say why a key that was examined was not stored."""
    return paragraph(_("The key was not stored."), problem(report))


def problem(report: KeyReport) -> str:
    """Say why the key that was examined cannot be used; only for a report with a problem."""
    if report.problem in FAULTS:
        return _(FAULTS[KeyFault(report.problem)])
    return _("{why} ({code})", why=explain(report.problem, report.status).why, code=report.problem)


def key_card(card: KeyCard, actor: Actor) -> Message:
    """The answer to ``key``: what the channel has, and what can be done about it."""
    said = [_stored(card.key, card.worked_at)]
    if card.key is not None:
        said += _checked(card.report)
    if card.is_application:
        said.append(your_session(card.session, card.at))
    said.append(_hand_in(card.address, actor))
    buttons = []
    if card.address is not None:
        label = _("Set a key") if card.key is None else _("Replace")
        buttons.append(button(label, KEY_LINK, "open") | {"url": card.address})
    if card.key is not None:
        buttons.append(button(_("Remove"), KEY_REMOVE, "remove", style="danger") | {"confirm": _remove()})
    return with_buttons("\n".join(said), buttons)


def key_removed() -> str:
    """Confirm it privately."""
    return _("The key was removed: nothing can be stopped from this channel until another one is set.")


def _stored(stored: ChannelKey | None, worked_at: int | None) -> str:
    """Describe a channel's key without telling it."""
    if stored is None:
        return _("*This channel has no Vibecode API key yet.*")
    return "\n".join(
        [
            _("*This channel's Vibecode API key:* `{hint}`", hint=stored.hint),
            _set_by(stored),
            _("Last worked on {time}.", time=moment(worked_at))
            if worked_at
            else _("It has stopped nothing here yet."),
        ]
    )


def _set_by(stored: ChannelKey) -> str:
    kind, _colon, who = stored.set_by.partition(":")
    time = moment(stored.set_at)
    if kind == "user" and who:
        return _("Set by <@{user}> on {time}.", user=who, time=time)
    return _("Set in a shell by {name} on {time}.", name=escape(who or stored.set_by), time=time)


def _checked(report: KeyReport | None) -> list[str]:
    if report is None:
        return [
            _(
                "It is an application's key, and your account is not connected, so it could not be checked now."
            )
        ]
    facts = report.facts
    known = paragraph(
        _("Portal: {portal}.", portal=escape(facts.portal)) if facts.portal else None,
        _("Acts as user {user}.", user=escape(facts.owner)) if facts.owner else None,
        _("Scopes: {scopes}.", scopes=escape(", ".join(facts.scopes))) if facts.scopes else None,
        _("Access: {mode}.", mode=escape(facts.access_mode)) if facts.access_mode else None,
        _("Expires on {time}.", time=moment(facts.expires_at)) if facts.expires_at else None,
    )
    if report.problem is None:
        verdict = _("Checked just now: it works.")
    elif report.unreachable:
        verdict = paragraph(_("It could not be checked now."), problem(report))
    else:
        verdict = paragraph(_("*It does not work.*"), problem(report))
    return [known, verdict] if known else [verdict]


def _hand_in(address: str | None, actor: Actor) -> str:
    """Say how a key gets in."""
    if address is None:
        return _(
            "A key is handed in with a shell, never in chat: `haltbot key set --team {team} --channel {channel}`. Once HALTBOT_PUBLIC_URL is set, a page does it too.",
            team=actor.place,
            channel=actor.channel,
        )
    return paragraph(_("A key is handed in on a page of Haltbot's own, never in chat."), one_time())


def _remove() -> dict[str, object]:
    return {
        "title": plain(_("Remove the key?")),
        "text": plain(
            _(
                "Nothing can be stopped from this channel until another one is set. The key itself stays valid in Vibecode."
            )
        ),
        "confirm": plain(_("Remove")),
        "deny": plain(_("Keep")),
        "style": "danger",
    }
