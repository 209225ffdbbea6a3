"""What Slack shows and tells. Every method raises SlackError."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from bot.domain.errors import Refused
from bot.domain.notices import Notice
from bot.domain.overview import Overview
from bot.domain.termination import MessageRef, Phase, Termination


@dataclass(frozen=True, slots=True)
class Message:
    """A message as Slack takes it; ``text`` alone already says everything, for screen readers."""

    text: str
    blocks: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Showing:
    """What the one message of a termination has to show, and on which ways it may reach its readers."""

    termination: Termination
    """As these readers may see it."""
    phase: Phase
    now: int
    """The database's clock, in ms."""
    alone: bool
    """For the requester alone: it must not reach the channel on any way."""
    response_url: str | None
    """Opened; posts where the bot itself may not."""
    click_url: str | None
    """Opened; edits a message that was clicked, whoever posted it."""


Tell: TypeAlias = Callable[[Message, str], Awaitable[None]]
"""Tells a person something in a direct message. Raises SlackError."""


Notify: TypeAlias = Callable[[Notice, str], Awaitable[None]]
"""Tells a person or a channel, named by its id, what has happened; where that does not work, it is logged."""


class Messenger(Protocol):
    """Slack, outbound. Raises SlackError."""

    async def show(self, showing: Showing) -> MessageRef:
        """Post the one message of a termination, or edit it where it stands, on the best way that works.

        Where an earlier try may have posted it, it is looked for first.
        """
        ...

    async def refuse(self, refused: Refused, termination: Termination, *, response_url: str | None) -> None:
        """Tell the requester alone why a termination is refused, on the best way that works."""
        ...

    async def keep_only(self, at: MessageRef, reference: str) -> None:
        """Delete every other message of a termination from the channel where this one stands."""
        ...

    async def whisper(self, message: Message, *, channel: str, user: str, response_url: str | None) -> None:
        """Tell one person privately, on the best way that works."""
        ...

    async def tell(self, message: Message, to: str) -> None:
        """Tell a person, or everyone in a channel, something that belongs to no termination."""
        ...

    async def open_dialog(self, view: Mapping[str, Any], *, trigger: str) -> None:
        """Open a modal for whoever has just acted; ``trigger`` stands for that act, for three seconds."""
        ...


class Views(Protocol):
    """Slack's Home tab. Raises SlackError."""

    async def draw(self, user: str, shown: Overview | Refused) -> None:
        """Show what somebody may see, or why that is nothing."""
        ...

    async def is_member(self, channel: str, user: str) -> bool:
        """Tell whether somebody is in a channel; no, where Slack does not say."""
        ...
