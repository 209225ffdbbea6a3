"""How a rule of the sandbox says no: with one of Slack's own error codes."""

from collections.abc import Sequence


class SlackRefusal(Exception):
    """An ``{"ok": false}`` answer; ``messages`` are the details Slack puts beside some codes."""

    def __init__(
        self, code: str, *, messages: Sequence[str] = (), status: int = 200, retry_after: int | None = None
    ) -> None:
        super().__init__(code)
        self.code = code
        self.messages = list(messages)
        self.status = status
        self.retry_after = retry_after
        self.extra: dict[str, object] = {}


class ConnectionCut(Exception):
    """The sandbox hangs up instead of answering."""
