"""The settings of a channel: ``/terminate-workflow config``, its dialog, and the button that ends the breaker."""

import json
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.channels.settings_service import SettingsService
from bot.domain.errors import SettingsNotAccepted
from bot.domain.permissions import Actor
from bot.messages.approvals import RESET_BREAKER, breaker_reset
from bot.messages.blocks import private
from bot.messages.settings import setting_fault, settings_changed, settings_told
from bot.messages.settings_modal import CONFIGURE, block_of, dialog, entered
from bot.ports.messenger import Message
from handlers.bodies import Body, asker, clicker, of_clicker
from handlers.responder import Responder
from handlers.services import Services


def register(app: AsyncApp, responder: Responder, services: Services) -> None:
    @app.view(CONFIGURE)
    @responder.view
    async def change_settings(ack: Any, body: Body) -> None:
        try:
            changed = await services.settings.change(_submitter(body), entered(body["view"]))
        except SettingsNotAccepted as wrong:
            await ack(response_action="errors", errors={block_of(wrong.name): setting_fault(wrong)})
            return
        await ack()
        responder.tell(body, settings_changed(changed))

    @app.action(RESET_BREAKER)
    @responder.button
    async def reset_breaker(body: Body) -> None:
        # In an organisation the click alone does not tell the workspace, so the button carries it.
        actor = clicker(body, place=body["actions"][0]["value"])
        await services.breaker.reset(actor)
        responder.announce(private(breaker_reset(actor.user)), channel=actor.channel)


async def show(body: Body, service: SettingsService, responder: Responder) -> Message | None:
    """Open the dialog for whoever may change the settings; tell everybody else what they are. Raises Refused."""
    actor = asker(body)
    settings, may_change = await service.show(actor)
    if not may_change:
        return private(settings_told(settings))
    responder.dialog(body, dialog(settings, place=actor.place, channel=actor.channel))
    return None


def _submitter(body: Body) -> Actor:
    where = json.loads(body["view"]["private_metadata"])
    return Actor(
        user=body["user"]["id"], home=of_clicker(body), place=where["place"], channel=where["channel"]
    )
