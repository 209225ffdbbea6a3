"""The Home tab, drawn anew whenever somebody opens it."""

from collections.abc import Callable

from slack_bolt.async_app import AsyncApp

from bot.domain.workspace import of_event
from bot.messages import home_tab
from bot.terminations.overview import Home
from handlers.responder import Answers, Body


def register(app: AsyncApp, answers: Answers, home: Home, domain: Callable[[], str | None]) -> None:
    @app.event("app_home_opened")
    async def show_home(body: Body) -> None:
        event, team = body["event"], of_event(body)
        user = event.get("user")
        # The event also comes for the tab with the messages.
        if event.get("tab") == "home" and isinstance(user, str) and team:
            answers.later(_show(team, user))

    async def _show(team: str, user: str) -> None:
        overview = await home.overview(team, user)
        await home.publish(user, home_tab.home(overview, domain()))
