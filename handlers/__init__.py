"""One module for each story; a handler acknowledges, translates, makes one service call and renders."""

from slack_bolt.async_app import AsyncApp

from bot.enquiries import Enquiries
from bot.service import Terminations
from handlers import confirmation, termination
from handlers.answers import Answers


def register(app: AsyncApp, terminations: Terminations, enquiries: Enquiries, answers: Answers) -> None:
    """Register every story; the command first, since Bolt looks through its listeners in this order."""
    termination.register(app, terminations, enquiries, answers)
    confirmation.register(app, terminations, answers)
