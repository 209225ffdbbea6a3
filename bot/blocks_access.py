"""The private answers about keys and connections, with their buttons."""

from typing import Any

from bot import replies_access as replies
from bot.blocks import button, private
from bot.key_service import KeyCard
from bot.links import Holder
from bot.ports import Message

KEY_LINK = "key_link_open"
KEY_REMOVE = "key_remove"
CONNECT_LINK = "connection_link_open"


def key_card(card: KeyCard, holder: Holder) -> Message:
    """The answer to ``key``: what the channel has, and what can be done about it."""
    said = [replies.key(card.key, card.report, card.worked_at)]
    if card.key is not None and card.is_application:
        said.append(replies.your_session(card.session, card.at))
    said.append(replies.hand_in(card.address, holder.team, holder.channel))
    buttons = []
    if card.address is not None:
        label = "Set a key" if card.key is None else "Replace"
        buttons.append(button(label, KEY_LINK, "open") | {"url": card.address})
    if card.key is not None:
        buttons.append(button("Remove", KEY_REMOVE, "remove", style="danger") | {"confirm": _REMOVE})
    return _with_buttons("\n".join(said), buttons)


def connect(address: str) -> Message:
    """The answer to ``connect``."""
    opening = button("Connect in the browser", CONNECT_LINK, "open", style="primary") | {"url": address}
    return _with_buttons(replies.connect(), [opening])


def _with_buttons(text: str, buttons: list[dict[str, Any]]) -> Message:
    said = private(text)
    actions = ({"type": "actions", "elements": buttons},) if buttons else ()
    return Message(said.text, (*said.blocks, *actions))


_REMOVE = {
    "title": {"type": "plain_text", "text": "Remove the key?"},
    "text": {
        "type": "plain_text",
        "text": "Nothing can be stopped from this channel until another one is set. The key itself stays valid in"
        " Vibecode.",
    },
    "confirm": {"type": "plain_text", "text": "Remove"},
    "deny": {"type": "plain_text", "text": "Keep"},
    "style": "danger",
}
