"""The command: ``/terminate-workflow ID [force] [reason]``."""

from typing import Any

from slack_bolt.async_app import AsyncApp

from bot import replies
from bot.blocks import permalink, private
from bot.command import Question
from bot.ports import Duplicate
from bot.service import Command, Terminations
from handlers.answers import Answers, Body


def register(app: AsyncApp, terminations: Terminations, answers: Answers) -> None:
    @app.command(replies.COMMAND)
    @answers.command
    async def terminate_workflow(ack: Any, body: Body) -> None:
        result = await terminations.request(_command(body))
        if isinstance(result, Question):
            await ack(
                text=replies.USAGE, blocks=list(private(replies.USAGE).blocks), response_type="ephemeral"
            )
        elif isinstance(result, Duplicate):
            link = permalink(body.get("team_domain"), result.termination.message)
            text = replies.duplicate(result.termination, result.phase, link)
            await ack(text=text, response_type="ephemeral")
        else:
            # The message in the channel is the answer; an empty acknowledgement shows nothing.
            await ack()


def _command(body: Body) -> Command:
    return Command(
        team=body["team_id"],
        channel=body["channel_id"],
        user=body["user_id"],
        text=body.get("text", ""),
        delivery=body["trigger_id"],
        response_url=body.get("response_url"),
    )
