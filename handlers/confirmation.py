"""The buttons under a question: force, terminate softly instead, keep running."""

from slack_bolt.async_app import AsyncApp

from bot.domain.errors import Refused
from bot.domain.job import Job
from bot.domain.press import Choice, Press
from bot.domain.termination import MessageRef
from bot.messages import approvals
from bot.messages.blocks import private
from bot.messages.force_dialog import Confirmed, force_dialog
from bot.messages.termination import AUTHORISE, CHOICES, question_of
from bot.terminations.click import Dialog
from handlers.bodies import Body, channel_of, of_clicker
from handlers.responder import Responder
from handlers.services import Services


def register(app: AsyncApp, responder: Responder, services: Services) -> None:
    @responder.button
    async def answer_question(body: Body) -> None:
        press, seen_at = _press(body), _message(body)
        decided = await services.terminations.press(
            press, seen_at=seen_at, response_url=body.get("response_url")
        )
        if isinstance(decided, Dialog):
            confirmed = _remembered(decided, seen_at)
            view = force_dialog(confirmed, decided.termination, last_four=decided.last_four)
            responder.dialog(body, view)
        else:
            follow(press.choice, decided, responder)

    for action_id in CHOICES:
        app.action(action_id)(answer_question)
    app.action(AUTHORISE)(responder.link)


def follow(choice: Choice, decided: Job | Dialog, responder: Responder) -> None:
    """Tell everyone what everyone should know of a decision."""
    if choice is Choice.BREAK_GLASS and isinstance(decided, Job):
        told = private(approvals.glass_broken(decided.termination))
        responder.announce(told, channel=decided.termination.request.channel)


def _remembered(dialog: Dialog, seen_at: MessageRef) -> Confirmed:
    press = dialog.press
    return Confirmed(
        reference=press.reference,
        question=press.question,
        choice=press.choice,
        channel=seen_at.channel,
        ts=seen_at.ts or "",
        sealed_url=press.response_url,
    )


def _press(body: Body) -> Press:
    action = body["actions"][0]
    question = question_of(action["value"])
    if question is None:
        raise Refused("question_gone")
    return Press(
        team=of_clicker(body),
        channel=_message(body).channel,
        user=body["user"]["id"],
        reference=question[0],
        question=question[1],
        choice=CHOICES[action["action_id"]],
    )


def _message(body: Body) -> MessageRef:
    return MessageRef(channel_of(body), body["container"]["message_ts"], "channel")
