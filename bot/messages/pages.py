"""The pages on which a key is handed in, in HTML; whoever serves them adds the style and the headers."""

import html
import re
from dataclasses import dataclass

from bot.domain.api_key import KeyReport
from bot.domain.connection import Link
from bot.domain.errors import Refused
from bot.messages import keys
from bot.messages.language import _, n_, paragraph
from bot.messages.refusals import refusal
from bot.messages.times import utc


@dataclass(frozen=True, slots=True)
class Page:
    """A title in plain text, and what stands below it in HTML."""

    title: str
    body: str


def form(link: Link, token: str, alert: str | None = None, report: KeyReport | None = None) -> Page:
    """Ask for a key; ``token`` is what the form has to send back, ``alert`` why it is asked for again."""
    shown = _alert(alert) if alert else ""
    facts = _facts(report) if report else ""
    about = _(
        "The key is for Slack channel <code>{channel}</code>, and for nothing else. Haltbot checks it with Vibecode first, stores it encrypted, and never shows it again.",
        channel=html.escape(link.channel),
    )
    body = f"""{shown}{facts}
<p>{about}</p>
<form method="post" autocomplete="off">
<input type="hidden" name="form" value="{token}">
<label for="key">{_("Vibecode API key")}</label>
<input id="key" name="key" type="password" required maxlength="600" autocomplete="off" spellcheck="false" autofocus>
<button>{_("Check and store")}</button>
</form>
<p>{_("This page works once, until ten minutes after you asked for it.")}</p>"""
    return Page(_("Hand in an API key"), body)


def other_form() -> str:
    """Say that the form was not Haltbot's own."""
    return _("The form was not the one that Haltbot sent you. Please send it again.")


def nothing_entered() -> str:
    """Say that the form was empty."""
    return _("Nothing was entered.")


def not_stored(report: KeyReport) -> str:
    """Say why a key was not stored."""
    if not report.unreachable:
        return keys.not_stored(report)
    unchecked = _("The key could not be checked, so it was not stored.")
    return paragraph(unchecked, keys.problem(report), _("Try again in a minute."))


def stored(link: Link, report: KeyReport, hint: str) -> Page:
    """Say that a key was stored, and what is known of it."""
    told = _(
        "<code>{hint}</code> is stored for Slack channel <code>{channel}</code>.",
        hint=html.escape(hint),
        channel=html.escape(link.channel),
    )
    if report.facts.kind == "app":
        then = _(
            "It is an application's key: everybody who uses it there connects once with <code>{command} connect</code>."
        )
    else:
        then = n_(
            "Vibecode accepts it; {count} workflow is running.",
            "Vibecode accepts it; {count} workflows are running.",
            report.running or 0,
        )
    close = _("You may close this page.")
    return Page(_("The key is stored"), f'<p role="status">{told} {then}</p>{_facts(report)}<p>{close}</p>')


def ended() -> Page:
    """Say that the link has ended."""
    return Page(_("This link has ended"), f"<p>{_spoken(refusal(Refused('link_gone')))}</p>")


def not_done(refused: Refused) -> Page:
    """Say why something was refused."""
    return Page(_("Not done"), _alert(refusal(refused)))


def not_now() -> Page:
    """Say that the database does not answer."""
    why = _("Haltbot's database does not answer. Nothing was stored; try again in a minute.")
    return Page(_("Not now"), _alert(why))


def _alert(text: str) -> str:
    return f'<p role="alert">{_spoken(text)}</p>'


def _facts(report: KeyReport) -> str:
    facts = report.facts
    known = {
        _("Kind"): facts.kind,
        _("Portal"): facts.portal,
        _("Acts as user"): facts.owner,
        _("Scopes"): ", ".join(facts.scopes) if facts.scopes else None,
        _("Access"): facts.access_mode,
        _("Expires"): utc(facts.expires_at) if facts.expires_at else None,
    }
    rows = "".join(f"<dt>{name}</dt><dd>{html.escape(value)}</dd>" for name, value in known.items() if value)
    return f"<dl>{rows}</dl>" if rows else ""


def _spoken(text: str) -> str:
    """Write one of our sentences without Slack's marks."""
    bare = re.sub(r"[`*]|<[@!][^>]*>", "", text)
    return html.escape(html.unescape(bare))
