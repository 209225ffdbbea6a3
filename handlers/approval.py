"""What a force needs beside a click: the dialog's answer, and the request to those who may approve."""

from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.domain.errors import Refused
from bot.domain.press import Press
from bot.messages import approvals, replies
from bot.messages.blocks import permalink
from bot.messages.force_dialog import CONFIRM_FORCE, LAST_FOUR, WHY, Confirmed, entered
from bot.messages.refusals import refusal
from bot.ports.store import Duplicate
from handlers.bodies import Body, clicker, of_clicker
from handlers.confirmation import follow
from handlers.responder import Responder
from handlers.services import Services

_IN_THE_DIALOG = {"last_four_differ": LAST_FOUR, "break_glass_reason": WHY, "key_in_command": WHY}


def register(app: AsyncApp, responder: Responder, services: Services) -> None:
    @app.view(CONFIRM_FORCE)
    @responder.view
    async def confirm_force(ack: Any, body: Body) -> None:
        confirmed = Confirmed.of(body["view"]["private_metadata"])
        try:
            decided = await services.terminations.press(
                _press(body, confirmed), seen_at=confirmed.seen_at, response_url=None
            )
        except Refused as refused:
            block = _IN_THE_DIALOG.get(refused.reply)
            if block not in body["view"]["state"]["values"]:
                raise
            errors = {block: refusal(refused)}
            await ack(response_action="errors", errors=errors)
            return
        await ack()
        follow(confirmed.choice, decided, responder)

    @app.action(approvals.ASK)
    @responder.button
    async def ask_approvers(body: Body) -> None:
        asked = await services.terminations.ask_approvers(
            body["actions"][0]["value"],
            clicker(body),
            response_url=body.get("response_url"),
        )
        if isinstance(asked, Duplicate):
            link = permalink((body.get("team") or {}).get("domain"), asked.termination.posting.message)
            responder.tell(body, replies.duplicate(asked.termination, asked.phase, link))
        else:
            responder.tell(body, approvals.asked())


def _press(body: Body, confirmed: Confirmed) -> Press:
    return Press(
        team=of_clicker(body),
        channel=confirmed.channel,
        user=body["user"]["id"],
        reference=confirmed.reference,
        question=confirmed.question,
        choice=confirmed.choice,
        response_url=confirmed.sealed_url,
        typed=entered(body["view"], LAST_FOUR) or "",
        # Not every database stores a NUL, and nobody types one.
        reason=(entered(body["view"], WHY) or "").replace("\0", ""),
    )
