"""What passed between the bot and the sandbox, kept for tests and shown without its secrets."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

Json = dict[str, Any]

_SECRET_PATTERN = re.compile(r"(xox[a-z]-|xapp-|/response/|ticket=)[A-Za-z0-9._-]+")
_SECRET_FIELDS = frozenset({"token", "authorization", "x-slack-signature"})


def masked(value: Any) -> Any:
    """A copy of ``value`` in which tokens, response addresses and connection tickets are unreadable."""
    if isinstance(value, str):
        return _SECRET_PATTERN.sub(r"\1…", value)
    if isinstance(value, dict):
        return {
            key: "…" if str(key).lower() in _SECRET_FIELDS else masked(inner) for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [masked(inner) for inner in value]
    return value


@dataclass(frozen=True)
class Call:
    """One request of the bot to the Web API or to a response address, and what it was answered.

    ``method`` is a Web API method, or ``response_url``. ``answer`` is None when the connection was cut.
    """

    method: str
    arguments: Json
    at: float
    answer: Json | None
    status: int | None

    @property
    def ok(self) -> bool:
        return self.status == HTTPStatus.OK and bool((self.answer or {}).get("ok"))


@dataclass(frozen=True)
class TrafficRecord:
    """One thing that happened, for whoever listens: its kind, when, and its masked details."""

    kind: str
    at: float
    detail: Json = field(default_factory=dict)


Listener = Callable[[TrafficRecord], None]
