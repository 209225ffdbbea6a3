"""One module for each story; a handler acknowledges, translates, makes one service call and renders."""

from collections.abc import Callable

from slack_bolt.async_app import AsyncApp

from bot.channels.administration import Administration
from bot.channels.connections import Connections
from bot.channels.key_service import KeyService
from bot.channels.lifecycle import Lifecycle
from bot.terminations.overview import Home
from bot.terminations.queries import Enquiries
from bot.terminations.service import Terminations
from handlers import access, approval, config, confirmation, termination
from handlers import home as home_tab
from handlers import lifecycle as lifecycle_events
from handlers.responder import Answers


def register(
    app: AsyncApp,
    answers: Answers,
    *,
    terminations: Terminations,
    enquiries: Enquiries,
    administration: Administration,
    keys: KeyService,
    connections: Connections,
    lifecycle: Lifecycle,
    home: Home,
    domain: Callable[[], str | None],
) -> None:
    """Register every story; the command first, since Bolt looks through its listeners in this order."""
    termination.register(
        app,
        answers,
        terminations=terminations,
        enquiries=enquiries,
        administration=administration,
        keys=keys,
        connections=connections,
    )
    confirmation.register(app, answers, terminations)
    approval.register(app, answers, terminations)
    config.register(app, answers, administration)
    access.register(app, answers, keys, connections)
    lifecycle_events.register(app, lifecycle)
    home_tab.register(app, answers, home, domain)
