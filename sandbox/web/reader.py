"""Who looks at the page: what the names and times in a text are to this person."""

from dataclasses import dataclass
from datetime import datetime

from sandbox.slack import Person
from sandbox.slack.workspace import Workspace
from sandbox.web import dates

BOT_NAME = "Haltbot"
SLACKBOT = "USLACKBOT"


@dataclass(frozen=True)
class Reader:
    """One person of the workspace, reading."""

    workspace: Workspace
    person: Person

    def user_name(self, user: str) -> str:
        if user == self.workspace.bot_user:
            return BOT_NAME
        if user == SLACKBOT:
            return "Slackbot"
        person = self.workspace.people.get(user)
        return person.name if person else user

    def channel_name(self, channel: str) -> str:
        found = self.workspace.channels.get(channel)
        return found.name if found else channel

    def group_name(self, group: str) -> str:
        found = self.workspace.user_groups.get(group)
        return found.handle if found else group

    def formatted(self, timestamp: int, layout: str) -> str:
        return dates.formatted(
            timestamp,
            layout,
            now=self.workspace.clock(),
            tz=self.person.tz,
            locale=self.person.locale,
        )

    def time_of(self, seconds: float, *, with_seconds: bool = False) -> str:
        moment = datetime.fromtimestamp(seconds, dates.zone(self.person.tz))
        return dates.clock(moment, self.person.locale, seconds=with_seconds)
