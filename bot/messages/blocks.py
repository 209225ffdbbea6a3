"""Turns what Haltbot has to say into Block Kit; owns the action ids, the escaping and Slack's length limits."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bot.domain.command import has_usual_shape
from bot.domain.errors import AUTHORISABLE
from bot.domain.instance import Found
from bot.domain.practice import is_practice
from bot.domain.press import Choice
from bot.domain.termination import MessageRef, Phase, Termination
from bot.messages import replies, termination_text
from bot.messages.instance_text import fields
from bot.messages.mrkdwn import clip, escape
from bot.ports.core import Message

FORCE_TERMINATE = "termination_force"
TERMINATE_SOFTLY = "termination_soften"
KEEP_RUNNING = "termination_keep"
ESCALATE = "termination_escalate"
KEEP_WATCHING = "termination_watch"
BREAK_GLASS = "termination_break_glass"
AUTHORISE = "authorisation_open"
CONNECT = "connection_start"
CHOICES = {
    FORCE_TERMINATE: Choice.FORCE,
    TERMINATE_SOFTLY: Choice.SOFT,
    KEEP_RUNNING: Choice.KEEP,
    BREAK_GLASS: Choice.BREAK_GLASS,
    ESCALATE: Choice.ESCALATE,
    KEEP_WATCHING: Choice.WATCH,
}

SECTION_LIMIT = 3000
TEXT_LIMIT = 4000
"""``chat.update`` answers msg_too_long above it."""
_REASON_IN_TEXT = 1200

Block = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cards:
    """Builds messages; ``authorise_url`` is where a Bitrix24 session is renewed otherwise."""

    authorise_url: str
    connects: bool = False
    """People connect their accounts on a page of Haltbot's own."""

    def termination(self, termination: Termination, phase: Phase, now: int) -> Message:
        """The one message of a termination, as it has to look at ``now``, in ms."""
        headline = termination_text.headline(termination, phase, now)
        known = _known(termination, phase, now)
        body = termination_text.body(termination, phase, now, connects=self.connects)
        banner = [replies.PRACTICE_BANNER] if is_practice(termination.request.workflow_id) else []
        blocks: list[Block] = [*map(section, banner), section(headline)]
        if termination.request.reason:
            blocks.append(_quote(termination.request.reason))
        if known:
            blocks.append(_fields(known))
        if body:
            blocks.append(section("\n".join(body)))
        if buttons := self._buttons(termination, phase):
            block_id = f"{phase}.{termination.question.number}"
            blocks.append({"type": "actions", "block_id": block_id, "elements": buttons})
        blocks.append(context(_small_print(termination)))
        reason = clip(escape(termination.request.reason), _REASON_IN_TEXT)
        lines = [
            *banner,
            headline,
            f"Reason: {reason}" if reason else "",
            *(f"{name}: {value}" for name, value in known),
            *body,
            _small_print(termination),
        ]
        return Message(_text(lines), tuple(blocks))

    def _buttons(self, termination: Termination, phase: Phase) -> list[Block]:
        value = f"{termination.id}.{termination.question.number}"
        match phase:
            case Phase.AWAITING_CONFIRMATION:
                return _answers(termination, value)
            case Phase.WATCHING if not termination.request.force:
                return [button("Force terminate…", ESCALATE, value)]
            case Phase.OFFERED:
                label = "Force again…" if termination.request.force else "Force terminate…"
                return [
                    button(label, ESCALATE, value, style="danger"),
                    button("Keep watching", KEEP_WATCHING, value),
                ]
        if not termination.result.outcome or termination.result.code not in AUTHORISABLE:
            return []
        if self.connects and termination.calls.signed_in:
            return [button("Connect", CONNECT, value, style="primary")]
        return [button("Authorise again", AUTHORISE, value) | {"url": self.authorise_url}]


def _answers(termination: Termination, value: str) -> list[Block]:
    """What can be answered: by the requester, or by those who may approve."""
    keep = button("Keep running", KEEP_RUNNING, value)
    approve = "Approve: " if termination.question.approval else ""
    if not termination.request.force:
        return [button(f"{approve}terminate softly", TERMINATE_SOFTLY, value, style="primary"), keep]
    force = f"{approve}force terminate" if approve else "Force terminate"
    buttons = [
        button(force, FORCE_TERMINATE, value, style="danger"),
        button("Terminate softly instead", TERMINATE_SOFTLY, value),
        keep,
    ]
    if termination.question.may_break_glass and termination.question.approval:
        buttons.append(button("Break glass…", BREAK_GLASS, value))
    return buttons


def found(answer: Found) -> Message:
    """The private answer to ``show ID``."""
    headline = replies.found(answer.workflow_id, answer.lookup)
    known = fields(answer.workflow_id, answer.lookup.instance, answer.portal, answer.at)
    banner = [replies.PRACTICE_BANNER] if is_practice(answer.workflow_id) else []
    blocks = (*map(section, banner), section(headline), *([_fields(known)] if known else []))
    return Message(_text([*banner, headline, *(f"{name}: {value}" for name, value in known)]), blocks)


def private(text: str) -> Message:
    """A private sentence; the words are ours, with anything a person typed escaped by the caller."""
    return Message(clip(text, TEXT_LIMIT), (section(text),))


def with_buttons(text: str, buttons: list[Block], block_id: str | None = None) -> Message:
    """A private sentence, and what can be pressed under it."""
    said = private(text)
    if not buttons:
        return said
    actions: Block = {"type": "actions", "elements": buttons}
    return Message(said.text, (*said.blocks, actions | ({"block_id": block_id} if block_id else {})))


def annotated(message: Message, note: str) -> Message:
    """Add a line of small print."""
    room = TEXT_LIMIT - len(note) - 1
    return Message(f"{clip(message.text, room)}\n{note}", (*message.blocks, context(note)))


def permalink(team_domain: str | None, at: MessageRef | None) -> str | None:
    """Link to a message without asking Slack for it; None where it cannot be linked to."""
    if not team_domain or at is None or at.ts is None:
        return None
    return f"https://{team_domain}.slack.com/archives/{at.channel}/p{at.ts.replace('.', '')}"


def question_of(value: str) -> tuple[str, int] | None:
    """Read a button's value back: the termination's reference and the number of the question."""
    reference, _, number = value.partition(".")
    return (reference, int(number)) if number.isascii() and number.isdigit() else None


def _known(termination: Termination, phase: Phase, now: int) -> list[tuple[str, str]]:
    """What is known of the instance, where somebody has to decide about it."""
    if phase not in (Phase.AWAITING_CONFIRMATION, Phase.OFFERED):
        return []
    return fields(
        termination.request.workflow_id, termination.question.seen, termination.question.portal, now
    )


def _text(lines: Iterable[str]) -> str:
    """Say everything in the text alone; the dates that only blocks show in the reader's zone become plain."""
    whole = "\n".join(line for line in lines if line)
    return clip(re.sub(r"<!date\^[^|>]*\|([^>]*)>", r"\1", whole), TEXT_LIMIT)


def _small_print(termination: Termination) -> str:
    usual = has_usual_shape(termination.request.workflow_id) or is_practice(termination.request.workflow_id)
    unusual = "" if usual else " · this ID has an unusual shape"
    return termination_text.footer(termination) + unusual


def section(text: str) -> Block:
    """A paragraph, shortened to what Slack takes."""
    return {"type": "section", "text": mrkdwn(clip(text, SECTION_LIMIT))}


def _fields(known: Iterable[tuple[str, str]]) -> Block:
    return {"type": "section", "fields": [mrkdwn(f"*{name}*\n{value}") for name, value in known]}


def context(text: str) -> Block:
    """A line of small print."""
    return {"type": "context", "elements": [mrkdwn(clip(text, SECTION_LIMIT))]}


def plain(text: str) -> Block:
    """Text in which nothing is parsed."""
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Block:
    """Text with Slack's formatting, but bare addresses and names do not become links and mentions."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _quote(text: str) -> Block:
    # A rich_text element is shown as it is: nothing in it is parsed.
    element = {"type": "text", "text": clip(text, SECTION_LIMIT)}
    return {"type": "rich_text", "elements": [{"type": "rich_text_quote", "elements": [element]}]}


def button(label: str, action_id: str, value: str, *, style: str | None = None) -> Block:
    """A button; ``style`` is Slack's: ``primary`` or ``danger``."""
    made: Block = {
        "type": "button",
        "text": plain(label),
        "action_id": action_id,
        "value": value,
    }
    return made | {"style": style} if style else made
