"""The command: ``/terminate-workflow ID [force] [reason]``, and the questions that it answers."""

from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.channels.administration import Administration
from bot.channels.authority import Actor
from bot.channels.connections import Connections
from bot.channels.key_service import KeyService
from bot.domain.command import COMMAND, Question
from bot.domain.workspace import of_command
from bot.messages import replies
from bot.messages.blocks import found, permalink
from bot.ports.core import Duplicate, Message
from bot.terminations.queries import Enquiries
from bot.terminations.service import Command, Terminations
from handlers.access import about_access
from handlers.actors import asker
from handlers.config import show_settings
from handlers.responder import Answers, Body, privately


def register(
    app: AsyncApp,
    answers: Answers,
    *,
    terminations: Terminations,
    enquiries: Enquiries,
    administration: Administration,
    keys: KeyService,
    connections: Connections,
) -> None:
    @app.command(COMMAND)
    @answers.command
    async def terminate_workflow(ack: Any, body: Body) -> None:
        result = await terminations.request(_command(body))
        if isinstance(result, Question):
            await _answer(ack, body, result)
        elif isinstance(result, Duplicate):
            link = permalink(body.get("team_domain"), result.termination.posting.message)
            await ack(**privately(replies.duplicate(result.termination, result.phase, link)))
        else:
            # The message in the channel is the answer; an empty acknowledgement shows nothing.
            await ack()

    async def _answer(ack: Any, body: Body, question: Question) -> None:
        team, channel = of_command(body), body["channel_id"]
        match question.word:
            case "status":
                jobs = await enquiries.under_way(team, channel)
                links = [permalink(body.get("team_domain"), job.termination.posting.message) for job in jobs]
                await ack(**privately(replies.under_way(jobs, links)))
            case "show":
                answers.follow_up(body, _show(team, channel, body["user_id"], question.rest, asker(body)))
                await ack()
            case "config":
                answers.act(body, show_settings(administration, answers, body))
                await ack()
            case "key" | "connect":
                answers.follow_up(body, about_access(question.word, body, keys, connections))
                await ack()
            case _:
                await ack(**privately(replies.USAGE))

    async def _show(team: str, channel: str, user: str, typed: str, actor: Actor) -> Message:
        await administration.admit(actor)
        return found(await enquiries.show(team, channel, user, typed))


def _command(body: Body) -> Command:
    return Command(
        team=of_command(body),
        channel=body["channel_id"],
        user=body["user_id"],
        text=body.get("text", ""),
        delivery=body["trigger_id"],
        response_url=body.get("response_url"),
    )
