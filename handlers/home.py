"""The Home tab, drawn anew whenever somebody opens it."""

from slack_bolt.async_app import AsyncApp

from bot.domain.permissions import Actor
from handlers.bodies import Body, of_event
from handlers.responder import Responder
from handlers.services import Services


def register(app: AsyncApp, responder: Responder, services: Services) -> None:
    @app.event("app_home_opened")
    async def draw_home(body: Body) -> None:
        event, team = body["event"], of_event(body)
        user = event.get("user")
        # The event also comes for the tab with the messages.
        if event.get("tab") == "home" and isinstance(user, str) and team:
            responder.later(services.home.draw(Actor(user=user, home=team, place=team, channel="")))
