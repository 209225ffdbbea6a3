"""The bot as it is installed in the sandbox's workspace, and what its calls act upon."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.slack.errors import SlackRefusal
from sandbox.slack.records import Json
from sandbox.slack.schema import fault
from sandbox.slack.workspace import Channel, Person, Workspace

DEFAULT_SCOPES = frozenset(
    {
        "channels:history",
        "channels:read",
        "chat:write",
        "commands",
        "groups:history",
        "groups:read",
        "im:history",
        "im:read",
        "im:write",
        "mpim:read",
        "usergroups:read",
        "users:read",
    }
)
TRIGGER_SECONDS = 3.0


@dataclass
class Installation:
    """The app's identity, its secrets and what it was granted."""

    team: str
    bot_token: str
    app_token: str
    signing_secret: str
    bot_user: str = "U0HALTBOT"
    bot_id: str = "B0HALTBOT"
    app_id: str = "A0HALTBOT"
    team_domain: str = "sandbox"
    verification_token: str = "sandbox-verification"
    bot_scopes: set[str] = field(default_factory=lambda: set(DEFAULT_SCOPES))
    app_scopes: set[str] = field(default_factory=lambda: {"connections:write"})
    socket_mode_enabled: bool = True
    edit_window_seconds: float | None = None


class Triggers:
    """The trigger ids that were handed out: each opens one view, for three seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._issued: dict[str, tuple[str, float, str | None]] = {}
        self._spent: set[str] = set()

    def issue(self, person: Person, *, view_id: str | None = None, trigger_id: str | None = None) -> str:
        if trigger_id is None:
            numbers = f"{secrets.randbelow(10**13)}.{secrets.randbelow(10**12)}"
            trigger_id = f"{numbers}.{secrets.token_hex(16)}"
        self._issued[trigger_id] = (person.id, self._clock(), view_id)
        return trigger_id

    def exchange(self, trigger_id: str) -> tuple[str, str | None]:
        """Whose trigger it was, and from which view. Raises SlackRefusal when it opens nothing any more."""
        if trigger_id not in self._issued:
            raise SlackRefusal("invalid_trigger_id")
        person, issued_at, view_id = self._issued[trigger_id]
        if trigger_id in self._spent:
            raise SlackRefusal("exchanged_trigger_id")
        if self._clock() - issued_at > TRIGGER_SECONDS:
            raise SlackRefusal("expired_trigger_id")
        self._spent.add(trigger_id)
        return person, view_id


class Arguments:
    """The arguments of one call, whichever way they were sent."""

    def __init__(self, values: Json) -> None:
        self.values = values

    def get(self, name: str) -> object:
        value: object = self.values.get(name)
        return None if value == "" else value

    def text(self, name: str, default: str = "") -> str:
        value = self.get(name)
        return default if value is None else str(value)

    def required(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise SlackRefusal(
                "invalid_arguments", messages=[fault(f"missing required field: {name}", f"/{name}")]
            )
        return str(value)

    def flag(self, name: str) -> bool:
        return str(self.values.get(name, "")).lower() in {"1", "true"}

    def number(self, name: str, default: int) -> int:
        try:
            return int(self.text(name, str(default)))
        except ValueError:
            raise SlackRefusal(
                "invalid_arguments", messages=[fault("must be an integer", f"/{name}")]
            ) from None


@dataclass
class Backend:
    """What a Web API method works with."""

    workspace: Workspace
    installation: Installation
    triggers: Triggers
    open_connection_url: Callable[[], str]

    def require_scope(self, *any_of: str) -> None:
        granted = self.installation.bot_scopes
        if not granted.intersection(any_of):
            refusal = SlackRefusal("missing_scope")
            refusal.extra = {"needed": any_of[0], "provided": ",".join(sorted(granted))}
            raise refusal

    def person(self, user_id: str) -> Person:
        person = self.workspace.people.get(user_id)
        if person is None:
            raise SlackRefusal("user_not_found")
        return person

    def visible_channel(self, channel_id: str) -> Channel:
        """The channel, if the bot may know of it: a private one only as its member."""
        channel = self.workspace.channels.get(channel_id)
        if channel is None or ((channel.private or channel.dm) and not channel.bot_is_member):
            raise SlackRefusal("channel_not_found")
        return channel

    def writable_channel(self, channel_id: str) -> Channel:
        """The channel, if the bot may write there; a person's id stands for the direct channel."""
        if channel_id in self.workspace.people and channel_id[:1] in "UW":
            return self.workspace.direct_channel(self.workspace.people[channel_id])
        channel = self.visible_channel(channel_id)
        if channel.archived:
            raise SlackRefusal("is_archived")
        if not channel.bot_is_member and "chat:write.public" not in self.installation.bot_scopes:
            raise SlackRefusal("not_in_channel")
        return channel

    def scope_for(self, channel: Channel, right: str) -> str:
        if channel.dm:
            return f"im:{right}"
        return f"groups:{right}" if channel.private else f"channels:{right}"
