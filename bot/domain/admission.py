"""What is refused while a request is recorded: a rule that the store applies to the settings it has just read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain.errors import Refused
from bot.domain.permissions import Facts, Standing, understood, verdict
from bot.domain.termination import Request


@dataclass(frozen=True, slots=True)
class Admission:
    """Lets a request in unless nothing helps it; the rest is found out afterwards.

    ``facts`` is what is remembered of whoever asks, None if that is nothing: the acknowledgement never waits for
    Slack.
    """

    facts: Facts | None

    def refusal(self, request: Request, settings: Mapping[str, Any] | None) -> Refused | None:
        """Say why it is not let in; ``settings`` are the channel's, None where it has no key."""
        if settings is None:
            return Refused("no_key", team=request.team, channel=request.channel)
        try:
            channel = understood(settings)
        except Refused as refused:
            return refused
        if request.force and channel.force_needs_reason and not request.reason:
            return Refused("reason_needed")
        if self.facts is None:
            return None
        # Whoever merely lacks the role may ask for approval, so their request is recorded first.
        found = verdict(Standing.MEMBER, channel, self.facts)
        return None if found.allowed else found.refused()
