"""What Slack tells by itself: channels that are shared or get another id, and the end of the installation.

Nothing is caught here: an event that could not be dealt with is not acknowledged, and Slack repeats it.
"""

from slack_bolt.async_app import AsyncApp

from handlers.bodies import Body, of_event
from handlers.responder import Responder
from handlers.services import Services


def register(app: AsyncApp, responder: Responder, services: Services) -> None:
    @app.event("channel_shared")
    async def channel_shared(body: Body) -> None:
        await services.lifecycle.shared(
            of_event(body), _text(body, "channel"), _text(body, "connected_team_id")
        )

    @app.event("channel_unshared")
    async def channel_unshared(body: Body) -> None:
        team = _text(body, "previously_connected_team_id")
        await services.lifecycle.unshared(of_event(body), _text(body, "channel"), team)

    @app.event("channel_id_changed")
    async def channel_id_changed(body: Body) -> None:
        await services.lifecycle.moved(
            of_event(body), _text(body, "old_channel_id"), _text(body, "new_channel_id")
        )

    @app.event("app_uninstalled")
    async def app_uninstalled(body: Body) -> None:
        await services.lifecycle.uninstalled(of_event(body), "app_uninstalled")

    @app.event("tokens_revoked")
    async def tokens_revoked(body: Body) -> None:
        # People's own tokens are none of Haltbot's; without the bot's it can do nothing any more.
        tokens = body["event"].get("tokens")
        if isinstance(tokens, dict) and tokens.get("bot"):
            await services.lifecycle.uninstalled(of_event(body), "tokens_revoked")


def _text(body: Body, name: str) -> str:
    """Read a field of the event; empty where Slack sent none, or something else."""
    value = body["event"].get(name)
    return value if isinstance(value, str) else ""
