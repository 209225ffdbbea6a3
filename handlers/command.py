"""The command: ``/terminate-workflow ID [force] [reason]``, or a word that stops nothing."""

from collections.abc import Coroutine
from typing import Any, assert_never

from slack_bolt.async_app import AsyncApp

from bot.domain.command import COMMAND, Order, Subcommand, Word, parse
from bot.domain.errors import Refused
from bot.messages import replies
from bot.messages.blocks import permalink
from bot.ports.messenger import Message
from bot.ports.store import Duplicate
from bot.terminations.service import Command, Terminations
from handlers import channel_settings, connections, keys, queries
from handlers.bodies import Body, asker
from handlers.responder import Responder, privately
from handlers.services import Services


def register(app: AsyncApp, responder: Responder, services: Services) -> None:
    @app.command(COMMAND)
    @responder.command
    async def terminate_workflow(ack: Any, body: Body) -> None:
        try:
            asked = parse(body.get("text", ""))
        except Refused as refused:
            await services.terminations.refuse(asker(body), refused)
        if isinstance(asked, Order):
            await _stop(ack, body, asked, services.terminations)
        else:
            await _answer(ack, body, asked, responder, services)


async def _stop(ack: Any, body: Body, order: Order, terminations: Terminations) -> None:
    result = await terminations.request(_command(body, order))
    if isinstance(result, Duplicate):
        link = permalink(body.get("team_domain"), result.termination.posting.message)
        await ack(**privately(replies.duplicate(result.termination, result.phase, link)))
    else:
        # The message in the channel is the answer; an empty acknowledgement shows nothing.
        await ack()


async def _answer(ack: Any, body: Body, asked: Subcommand, responder: Responder, services: Services) -> None:
    finding: Coroutine[Any, Any, Message | None]
    match asked.word:
        case Word.HELP:
            await ack(**privately(replies.usage()))
            return
        case Word.STATUS:
            finding = queries.status(body, services.queries)
        case Word.SHOW:
            finding = queries.show(body, services.queries, asked.rest)
        case Word.CONFIG:
            finding = channel_settings.show(body, services.settings, responder)
        case Word.KEY:
            finding = keys.key(body, services.keys)
        case Word.CONNECT:
            finding = connections.connect(body, services.connections)
        case unknown:
            assert_never(unknown)
    responder.follow_up(body, finding)
    await ack()


def _command(body: Body, order: Order) -> Command:
    return Command(
        asker=asker(body),
        order=order,
        delivery=body["trigger_id"],
        response_url=body.get("response_url"),
    )
