"""Who acts, and where, as the body of a command or of a click tells."""

from bot.channels.authority import Actor
from bot.domain.connection import Holder
from bot.domain.workspace import channel_of, of_click, of_clicker, of_command
from handlers.responder import Body


def asker(body: Body) -> Actor:
    """Name whoever ran the command."""
    place = of_command(body)
    return Actor(user=body["user_id"], home=place, place=place, channel=body["channel_id"])


def clicker(body: Body, *, place: str | None = None) -> Actor:
    """Name whoever pressed a button; ``place`` is its workspace, where that is known better."""
    return Actor(
        user=body["user"]["id"],
        home=of_clicker(body),
        place=place or of_click(body),
        channel=channel_of(body),
    )


def holder(actor: Actor) -> Holder:
    """Name the same person for links, keys and sessions."""
    return Holder(team=actor.place, channel=actor.channel, user=actor.user)
