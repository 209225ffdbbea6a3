"""The settings of a channel: ``/terminate-workflow config``, its dialog, and the button that ends the breaker."""

import json
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.channels.administration import Administration
from bot.channels.authority import Actor
from bot.domain.errors import SettingsNotAccepted
from bot.domain.workspace import of_clicker
from bot.messages import permissions
from bot.messages.blocks import private
from bot.messages.permission_blocks import RESET_BREAKER
from bot.messages.settings_modal import CONFIGURE, block_of, dialog, entered
from handlers.actors import asker, clicker
from handlers.responder import Answers, Body


def register(app: AsyncApp, answers: Answers, administration: Administration) -> None:
    @answers.view
    async def change_settings(ack: Any, body: Body) -> None:
        try:
            changed = await administration.change(_submitter(body), entered(body["view"]))
        except SettingsNotAccepted as wrong:
            await ack(response_action="errors", errors={block_of(wrong.name): wrong.why})
            return
        await ack()
        answers.tell(body, permissions.settings_changed(changed))

    @answers.button
    async def reset_breaker(body: Body) -> None:
        # In an organisation the click alone does not tell the workspace, so the button carries it.
        actor = clicker(body, place=body["actions"][0]["value"])
        await administration.reset_breaker(actor)
        answers.announce(private(permissions.breaker_reset(actor.user)), channel=actor.channel)

    app.view(CONFIGURE)(change_settings)
    app.action(RESET_BREAKER)(reset_breaker)


async def show_settings(administration: Administration, answers: Answers, body: Body) -> None:
    """Open the dialog for whoever may change the settings; tell everybody else what they are."""
    actor = asker(body)
    settings, may_change = await administration.settings(actor)
    if may_change:
        answers.dialog(body, dialog(settings, place=actor.place, channel=actor.channel))
    else:
        answers.tell(body, permissions.settings_told(settings))


def _submitter(body: Body) -> Actor:
    where = json.loads(body["view"]["private_metadata"])
    return Actor(
        user=body["user"]["id"], home=of_clicker(body), place=where["place"], channel=where["channel"]
    )
