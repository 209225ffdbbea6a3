"""The private answers about keys and connections, with their buttons."""

from bot.domain.api_key import KeyCard
from bot.domain.permissions import Actor
from bot.messages import access as replies
from bot.messages.blocks import button, plain, with_buttons
from bot.ports.core import Message

KEY_LINK = "key_link_open"
KEY_REMOVE = "key_remove"
CONNECT_LINK = "connection_link_open"


def key_card(card: KeyCard, actor: Actor) -> Message:
    """The answer to ``key``: what the channel has, and what can be done about it."""
    said = [replies.key(card.key, card.report, card.worked_at)]
    if card.key is not None and card.is_application:
        said.append(replies.your_session(card.session, card.at))
    said.append(replies.hand_in(card.address, actor.place, actor.channel))
    buttons = []
    if card.address is not None:
        label = "Set a key" if card.key is None else "Replace"
        buttons.append(button(label, KEY_LINK, "open") | {"url": card.address})
    if card.key is not None:
        buttons.append(button("Remove", KEY_REMOVE, "remove", style="danger") | {"confirm": _REMOVE})
    return with_buttons("\n".join(said), buttons)


def connect(address: str) -> Message:
    """The answer to ``connect``."""
    opening = button("Connect in the browser", CONNECT_LINK, "open", style="primary") | {"url": address}
    return with_buttons(replies.connect(), [opening])


_REMOVE = {
    "title": plain("Remove the key?"),
    "text": plain(
        "Nothing can be stopped from this channel until another one is set. The key itself stays valid in Vibecode."
    ),
    "confirm": plain("Remove"),
    "deny": plain("Keep"),
    "style": "danger",
}
