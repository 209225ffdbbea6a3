"""One module for each story; a handler acknowledges, translates, makes one service call and renders."""

from slack_bolt.async_app import AsyncApp

from handlers import approval, channel_settings, command, confirmation, connections, home, keys, lifecycle
from handlers.responder import Responder
from handlers.services import Services


def register(app: AsyncApp, responder: Responder, services: Services) -> None:
    """Register every story; the command first, since Bolt looks through its listeners in this order."""
    for story in (command, confirmation, approval, channel_settings, keys, connections, home, lifecycle):
        story.register(app, responder, services)
