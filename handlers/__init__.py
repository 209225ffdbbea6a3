"""One module for each story; a handler acknowledges, translates, makes one service call and renders."""

from collections.abc import Callable

from slack_bolt.async_app import AsyncApp

from bot.administration import Administration
from bot.enquiries import Enquiries
from bot.home import Home
from bot.service import Terminations
from handlers import access as access_story
from handlers import approval, config, confirmation, lifecycle, termination
from handlers import home as home_tab
from handlers.access import Access
from handlers.answers import Answers


def register(
    app: AsyncApp,
    terminations: Terminations,
    enquiries: Enquiries,
    answers: Answers,
    home: Home,
    domain: Callable[[], str | None],
    administration: Administration,
    access: Access,
) -> None:
    """Register every story; the command first, since Bolt looks through its listeners in this order."""
    termination.register(app, terminations, enquiries, administration, access, answers)
    confirmation.register(app, terminations, answers)
    approval.register(app, terminations, answers)
    config.register(app, administration, answers)
    access_story.register(app, access, answers)
    lifecycle.register(app, access)
    home_tab.register(app, home, answers, domain)
