"""A channel's key: the word ``key``, and the buttons under its answer."""

from slack_bolt.async_app import AsyncApp

from bot.channels.key_service import KeyService
from bot.domain.errors import Refused
from bot.messages import keys as key_texts
from bot.messages.refusals import refusal
from bot.ports.messenger import Message
from handlers.bodies import Body, asker, clicker
from handlers.responder import Responder
from handlers.services import Services


def register(app: AsyncApp, responder: Responder, services: Services) -> None:
    @app.action(key_texts.KEY_REMOVE)
    @responder.button
    async def remove_key(body: Body) -> None:
        removed = await services.keys.remove(clicker(body))
        responder.tell(body, key_texts.key_removed() if removed else refusal(Refused("key_gone")))

    app.action(key_texts.KEY_LINK)(responder.link)


async def key(body: Body, keys: KeyService) -> Message:
    """Show what the channel's key is, and how another one is handed in. Raises Refused."""
    actor = asker(body)
    return key_texts.key_card(await keys.card(actor), actor)
