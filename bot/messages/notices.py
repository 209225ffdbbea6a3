"""Puts into words what people and channels are told without having asked."""

from bot.domain.notices import BecameShared, BreakerTripped, Connected, NotConnected, Notice, SessionEnds
from bot.messages import connections
from bot.messages.approvals import breaker_tripped
from bot.messages.blocks import private
from bot.ports.messenger import Message


def message(notice: Notice) -> Message:
    """Build what is told."""
    match notice:
        case Connected(session, resumed):
            return private(connections.connected(session, resumed=resumed))
        case NotConnected():
            return private(connections.not_connected())
        case SessionEnds(session):
            return private(connections.session_ends(session))
        case BecameShared(channel, team):
            return private(connections.became_shared(channel, team))
        case BreakerTripped(place, settings, count):
            return breaker_tripped(place, settings, count)
