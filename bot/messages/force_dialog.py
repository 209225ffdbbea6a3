"""The dialog before a force: typing the last four characters, giving the reason for doing it alone."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bot.domain.errors import Refused
from bot.domain.press import Choice
from bot.domain.termination import MessageRef, Termination
from bot.messages.blocks import plain, section, text_input
from bot.messages.language import _, paragraph

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


def force_dialog(confirmed: Confirmed, termination: Termination, *, last_four: bool) -> dict[str, Any]:
    """Ask for what a force needs beside the click: the end of the ID, the reason for doing it alone."""
    alone = confirmed.choice is Choice.BREAK_GLASS
    intro = paragraph(
        _(
            "This force-terminates workflow `{workflow}`. It cannot be undone.",
            workflow=termination.request.workflow_id,
        ),
        _("No second person looks at it; the channel is told, with your reason.") if alone else None,
    )
    blocks: list[dict[str, Any]] = [section(intro)]
    if alone:
        label = _("Why it cannot wait for a second person")
        blocks.append(text_input(WHY, label, multiline=True, max_length=1000))
    if last_four:
        label = _("The last four characters of the ID")
        blocks.append(text_input(LAST_FOUR, label, min_length=4, max_length=4))
    return {
        "type": "modal",
        "callback_id": CONFIRM_FORCE,
        "private_metadata": json.dumps(asdict(confirmed)),
        "title": plain(_("Break the glass") if alone else _("Force terminate")),
        "submit": plain(_("Force terminate")),
        "close": plain(_("Keep running")),
        "blocks": blocks,
    }


def entered(view: Mapping[str, Any], name: str) -> str | None:
    """Read what was entered in an input that is named like its block."""
    value: str | None = view["state"]["values"].get(name, {}).get(name, {}).get("value")
    return value
