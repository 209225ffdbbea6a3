"""Block Kit's building blocks, with Slack's length limits; no word of Haltbot's stands here."""

import re
from collections.abc import Iterable
from typing import Any

from bot.domain.termination import MessageRef
from bot.messages.mrkdwn import clip
from bot.ports.messenger import Message

SECTION_LIMIT = 3000
TEXT_LIMIT = 4000
"""``chat.update`` answers msg_too_long above it."""

Block = dict[str, Any]


def section(text: str) -> Block:
    """A paragraph, shortened to what Slack takes."""
    return {"type": "section", "text": mrkdwn(clip(text, SECTION_LIMIT))}


def header(text: str) -> Block:
    """A title."""
    return {"type": "header", "text": plain(text)}


def fields(known: Iterable[tuple[str, str]]) -> Block:
    """Names with their values, in two columns."""
    return {"type": "section", "fields": [mrkdwn(f"*{name}*\n{value}") for name, value in known]}


def context(text: str) -> Block:
    """A line of small print."""
    return {"type": "context", "elements": [mrkdwn(clip(text, SECTION_LIMIT))]}


def quote(text: str) -> Block:
    """A person's own words."""
    # A rich_text element is shown as it is: nothing in it is parsed.
    element = {"type": "text", "text": clip(text, SECTION_LIMIT)}
    return {"type": "rich_text", "elements": [{"type": "rich_text_quote", "elements": [element]}]}


def plain(text: str) -> Block:
    """Text in which nothing is parsed."""
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Block:
    """Text with Slack's formatting, but bare addresses and names do not become links and mentions."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def button(label: str, action_id: str, value: str, *, style: str | None = None) -> Block:
    """A button; ``style`` is Slack's: ``primary`` or ``danger``."""
    made: Block = {"type": "button", "text": plain(label), "action_id": action_id, "value": value}
    return made | {"style": style} if style else made


def actions(buttons: list[Block], block_id: str | None = None) -> Block:
    """A row of buttons."""
    row: Block = {"type": "actions", "elements": buttons}
    return row | {"block_id": block_id} if block_id else row


def text_input(name: str, label: str, **properties: Any) -> Block:
    """An input of a dialog, whose block and element have the same name."""
    element = {"type": "plain_text_input", "action_id": name, **properties}
    return {"type": "input", "block_id": name, "label": plain(label), "element": element}


def private(text: str) -> Message:
    """A private sentence; the words are ours, with anything a person typed escaped by the caller."""
    return Message(clip(text, TEXT_LIMIT), (section(text),))


def with_buttons(text: str, buttons: list[Block], block_id: str | None = None) -> Message:
    """A private sentence, and what can be pressed under it."""
    said = private(text)
    return Message(said.text, (*said.blocks, actions(buttons, block_id))) if buttons else said


def annotated(message: Message, note: str) -> Message:
    """Add a line of small print."""
    room = TEXT_LIMIT - len(note) - 1
    return Message(f"{clip(message.text, room)}\n{note}", (*message.blocks, context(note)))


def spoken(lines: Iterable[str]) -> str:
    """Say everything in the text alone; the dates that only blocks show in the reader's zone become plain."""
    whole = "\n".join(line for line in lines if line)
    return clip(re.sub(r"<!date\^[^|>]*\|([^>]*)>", r"\1", whole), TEXT_LIMIT)


def permalink(team_domain: str | None, at: MessageRef | None) -> str | None:
    """Link to a message without asking Slack for it; None where it cannot be linked to."""
    if not team_domain or at is None or at.ts is None:
        return None
    return f"https://{team_domain}.slack.com/archives/{at.channel}/p{at.ts.replace('.', '')}"
