"""What Haltbot tells people and channels that did not ask at that moment."""

from dataclasses import dataclass
from typing import TypeAlias

from bot.domain.channel_settings import ChannelSettings
from bot.domain.connection import PersonSession


@dataclass(frozen=True, slots=True)
class Connected:
    """An account is connected; ``resumed``: what was refused for want of it goes on."""

    session: PersonSession
    resumed: bool


@dataclass(frozen=True, slots=True)
class NotConnected:
    """Vibecode gave no session."""


@dataclass(frozen=True, slots=True)
class SessionEnds:
    """A connection ends soon."""

    session: PersonSession


@dataclass(frozen=True, slots=True)
class BecameShared:
    """Another organisation, ``team``, has joined a channel."""

    channel: str
    team: str


@dataclass(frozen=True, slots=True)
class BreakerTripped:
    """So many terminations that from now on each needs a second person."""

    place: str
    settings: ChannelSettings
    count: int


Notice: TypeAlias = Connected | NotConnected | SessionEnds | BecameShared | BreakerTripped
