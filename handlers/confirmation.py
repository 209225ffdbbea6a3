"""The buttons under a question: force, terminate softly instead, keep running."""

from slack_bolt.async_app import AsyncApp

from bot.blocks import AUTHORISE, CHOICES, question_of
from bot.domain import MessageRef, Press
from bot.errors import Refused
from bot.service import Terminations
from handlers.answers import Answers, Body


def register(app: AsyncApp, terminations: Terminations, answers: Answers) -> None:
    @answers.button
    async def answer_question(body: Body) -> None:
        await terminations.press(_press(body), seen_at=_message(body), response_url=body.get("response_url"))

    @answers.button
    async def open_authorisation(body: Body) -> None:
        """Slack opens the address itself; the click still wants its acknowledgement."""

    for action_id in CHOICES:
        app.action(action_id)(answer_question)
    app.action(AUTHORISE)(open_authorisation)


def _press(body: Body) -> Press:
    action = body["actions"][0]
    question = question_of(action["value"])
    if question is None:
        raise Refused("question_gone")
    return Press(
        team=body["user"].get("team_id") or body["team"]["id"],
        channel=_message(body).channel,
        user=body["user"]["id"],
        reference=question[0],
        question=question[1],
        choice=CHOICES[action["action_id"]],
    )


def _message(body: Body) -> MessageRef:
    container = body["container"]
    return MessageRef(
        container.get("channel_id") or body["channel"]["id"], container["message_ts"], "channel"
    )
