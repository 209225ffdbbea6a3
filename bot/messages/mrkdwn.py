"""Makes a person's text safe to stand inside Slack's mrkdwn."""

import re

from bot.messages.language import _


def escape(text: str) -> str:
    """Make a person's text inert in mrkdwn: it can neither mention, link nor format.

    Slack's three control characters become entities. A word joiner, which is invisible, keeps the marks of
    formatting and the beginnings of links and mentions from being taken as such; inside a word, as in DEAL_5141,
    they are none.
    """
    inert = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"((?<![^\W_])[*_~]|[`@]|://)", "\\1\u2060", inert)


def clip(text: str, limit: int) -> str:
    """Shorten visibly, never in the middle of an entity."""
    if len(text) <= limit:
        return text
    note = _(" … (shortened)")
    return re.sub(r"&[a-z]*$", "", text[: limit - len(note)]) + note
