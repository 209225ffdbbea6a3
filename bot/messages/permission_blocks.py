"""The buttons and dialogs about rights: asking somebody to approve, typing the last four, breaking the glass."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bot.domain.channel_settings import ChannelSettings
from bot.domain.errors import Refused
from bot.domain.press import Choice
from bot.domain.termination import MessageRef, Termination
from bot.messages import permissions, replies
from bot.messages.blocks import button, plain, section, with_buttons
from bot.ports.core import Message

ASK = "approval_ask"
RESET_BREAKER = "breaker_reset"
CONFIRM_FORCE = "force_confirm"
LAST_FOUR, WHY = "last_four", "break_glass_reason"


@dataclass(frozen=True, kw_only=True, slots=True)
class Confirmed:
    """What a dialog has to remember of the click that opened it; Slack keeps it and hands it back."""

    reference: str
    question: int
    choice: Choice
    channel: str
    ts: str
    sealed_url: str | None

    @classmethod
    def of(cls, metadata: str) -> "Confirmed":
        """Read it back. Raises Refused for what is none of ours."""
        try:
            values = json.loads(metadata)
            return cls(**values | {"choice": Choice(values["choice"])})
        except (ValueError, TypeError, KeyError) as strange:
            raise Refused("question_gone") from strange

    @property
    def seen_at(self) -> MessageRef:
        """Where the message stands that was clicked."""
        return MessageRef(self.channel, self.ts, "channel")


def refusal(refused: Refused, termination: Termination) -> Message:
    """Say why a termination is refused; whoever merely lacks the role can ask those who may approve."""
    ask = button("Ask them", ASK, termination.id, style="primary")
    can_ask = refused.detail.get("approvers")
    return with_buttons(replies.refusal(refused), [ask] if can_ask else [], f"ask.{termination.id}")


def breaker_tripped(place: str, settings: ChannelSettings, count: int) -> Message:
    """Tell the channel, with the button that ends it."""
    reset = button("Back to normal", RESET_BREAKER, place)
    return with_buttons(permissions.breaker_tripped(settings, count), [reset], "breaker")


def force_dialog(confirmed: Confirmed, termination: Termination, *, last_four: bool) -> dict[str, Any]:
    """Ask for what a force needs beside the click: the end of the ID, the reason for doing it alone."""
    alone = confirmed.choice is Choice.BREAK_GLASS
    name = f"`{termination.request.workflow_id}`"
    intro = f"This force-terminates workflow {name}. It cannot be undone."
    if alone:
        intro += " No second person looks at it; the channel is told, with your reason."
    blocks: list[dict[str, Any]] = [section(intro)]
    if alone:
        why = {"type": "plain_text_input", "action_id": WHY, "multiline": True, "max_length": 1000}
        blocks.append(_input(WHY, "Why it cannot wait for a second person", why))
    if last_four:
        typed = {"type": "plain_text_input", "action_id": LAST_FOUR, "min_length": 4, "max_length": 4}
        blocks.append(_input(LAST_FOUR, "The last four characters of the ID", typed))
    return {
        "type": "modal",
        "callback_id": CONFIRM_FORCE,
        "private_metadata": json.dumps(asdict(confirmed)),
        "title": plain("Break the glass" if alone else "Force terminate"),
        "submit": plain("Force terminate"),
        "close": plain("Keep running"),
        "blocks": blocks,
    }


def entered(view: Mapping[str, Any], name: str) -> str | None:
    """Read what was entered in an input that is named like its block."""
    value: str | None = view["state"]["values"].get(name, {}).get(name, {}).get("value")
    return value


def _input(name: str, label: str, element: dict[str, Any]) -> dict[str, Any]:
    return {"type": "input", "block_id": name, "label": plain(label), "element": element}
