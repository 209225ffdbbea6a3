"""Puts into words what people and channels are told without having asked."""

from bot.domain.notices import BecameShared, BreakerTripped, Connected, NotConnected, Notice, SessionEnds
from bot.messages import access
from bot.messages.blocks import private
from bot.messages.permission_blocks import breaker_tripped
from bot.ports.core import Message


def message(notice: Notice) -> Message:
    """Build what is told."""
    match notice:
        case Connected(session, resumed):
            return private(access.connected(session, resumed=resumed))
        case NotConnected():
            return private(access.not_connected())
        case SessionEnds(session):
            return private(access.session_ends(session))
        case BecameShared(channel, team):
            return private(access.became_shared(channel, team))
        case BreakerTripped(place, settings, count):
            return breaker_tripped(place, settings, count)
