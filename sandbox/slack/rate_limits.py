"""Slack's rate limits per method, for those tests that want them."""

import math
from collections.abc import Callable

from sandbox.slack.errors import SlackRefusal

_PER_MINUTE = {
    "apps.connections.open": 1,
    "auth.test": 600,
    "chat.delete": 50,
    "chat.getPermalink": 600,
    "chat.postEphemeral": 100,
    "chat.update": 50,
    "conversations.history": 50,
    "conversations.info": 50,
    "conversations.members": 100,
    "conversations.open": 50,
    "usergroups.list": 20,
    "usergroups.users.list": 20,
    "users.info": 100,
    "views.open": 100,
    "views.publish": 100,
    "views.push": 100,
    "views.update": 100,
}
_POSTS_PER_SECOND_AND_CHANNEL = 1.0
_POST_BURST = 4.0


class RateLimits:
    """One bucket of allowance per method, and per channel for posting."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def spend(self, method: str, channel: str) -> None:
        """Take one call from the allowance. Raises SlackRefusal("ratelimited") when there is none left."""
        if method == "chat.postMessage":
            self._take(f"{method} {channel}", _POSTS_PER_SECOND_AND_CHANNEL, _POST_BURST)
        elif method in _PER_MINUTE:
            self._take(method, _PER_MINUTE[method] / 60, float(_PER_MINUTE[method]))

    def _take(self, key: str, per_second: float, burst: float) -> None:
        now = self._clock()
        left, at = self._buckets.get(key, (burst, now))
        left = min(burst, left + (now - at) * per_second)
        if left < 1:
            self._buckets[key] = (left, now)
            wait = max(1, math.ceil((1 - left) / per_second))
            raise SlackRefusal("ratelimited", status=429, retry_after=wait)
        self._buckets[key] = (left - 1, now)
