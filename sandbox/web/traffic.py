"""Keeps what passes between Slack, Haltbot and Vibecode, without its secrets, for the inspector to show."""

import itertools
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.slack import SlackSandbox, TrafficRecord
from sandbox.slack.records import masked as without_slack_secrets
from sandbox.vibecode import Call, VibecodeSandbox
from sandbox.vibecode.keys import masked as without_keys
from sandbox.web.messages import Note

MOST_ENTRIES = 200
MOST_NOTES = 50
_CONNECTION = {
    "socket_connected": "Socket Mode connected",
    "socket_closed": "Socket Mode connection closed",
}


@dataclass(slots=True)
class Entry:
    """One request with its answer, which may still be on its way; ``ack_ms`` only where Slack waits for one."""

    number: int
    at: float
    sender: str
    receiver: str
    title: str
    request: Any = None
    answer: Any = None
    verdict: str = ""
    failed: bool = False
    ack_ms: float | None = None


class Traffic:
    """Listens to both sandboxes; tells ``changed`` after each thing it heard of."""

    def __init__(self, slack: SlackSandbox, vibecode: VibecodeSandbox, changed: Callable[[], None]) -> None:
        self.entries: deque[Entry] = deque(maxlen=MOST_ENTRIES)
        self.notes: deque[Note] = deque(maxlen=MOST_NOTES)
        self._changed = changed
        self._numbers = itertools.count(1)
        self._open: dict[int, Entry] = {}
        self._endings = [slack.listen(self._slack), vibecode.listen(self._vibecode)]

    def close(self) -> None:
        for end in self._endings:
            end()

    def entry(self, number: int) -> Entry | None:
        return next((entry for entry in self.entries if entry.number == number), None)

    def _slack(self, record: TrafficRecord) -> None:
        detail = record.detail
        if record.kind == "delivery":
            self._delivery(record)
        elif record.kind == "call":
            self._call(record)
        elif record.kind in _CONNECTION:
            self._add(record.at, "Slack", "Haltbot", _CONNECTION[record.kind], request=detail)
        self._changed()

    def _delivery(self, record: TrafficRecord) -> None:
        detail, ack_ms = record.detail, record.detail["ack_ms"]
        entry = self._add(
            record.at - ack_ms / 1000,
            "Slack",
            "Haltbot",
            _delivery_title(detail["kind"], detail["payload"]),
            request=detail["payload"],
        )
        entry.answer = _read(detail["body"])
        entry.verdict = detail["error"] or f"{detail['status']}"
        entry.failed = detail["error"] is not None
        # What never reached the bot was not waited for.
        entry.ack_ms = None if detail["error"] == "dispatch_failed" else ack_ms

    def _call(self, record: TrafficRecord) -> None:
        detail, answer = record.detail, record.detail["answer"]
        method, arguments = detail["method"], detail["arguments"]
        entry = self._add(record.at, "Haltbot", "Slack", method, request=arguments)
        entry.answer = answer
        entry.failed = not (answer or {}).get("ok")
        error = "connection cut" if answer is None else str(answer.get("error", ""))
        entry.verdict = error if entry.failed else f"{detail['status']}"
        if entry.failed and "channel" in arguments:
            details = tuple(map(str, (answer or {}).get("errors", ())))
            self.notes.append(Note(record.at, str(arguments["channel"]), method, error, details))

    def _vibecode(self, call: Call) -> None:
        entry = self._open.get(id(call))
        if entry is None:
            query = "&".join(f"{name}={value}" for name, value in call.query.items())
            title = f"{call.method} {call.path}" + (f"?{query}" if query else "")
            entry = self._add(call.at, "Haltbot", "Vibecode", title)
            entry.request = {"query": call.query, "headers": call.headers}
            entry.verdict = "…"
            self._open[id(call)] = entry
        if call.status is not None or call.cut:
            entry.verdict = "connection cut" if call.cut else str(call.status)
            entry.failed = call.cut or (call.status or 0) >= 400  # noqa: PLR2004 - HTTP's own border
            entry.answer = _read(call.answer)
            self._open.pop(id(call), None)
        self._changed()

    def _add(self, at: float, sender: str, receiver: str, title: str, *, request: Any = None) -> Entry:
        entry = Entry(next(self._numbers), at, sender, receiver, without_keys(title), request=request)
        self.entries.append(entry)
        return entry


def as_text(value: Any) -> str:
    """Show a request or an answer for reading, with every secret masked."""
    if value is None or value == "":
        return "(empty)"
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return str(without_slack_secrets(without_keys(text)))


def _delivery_title(kind: str, payload: dict[str, Any]) -> str:
    if kind == "slash_commands":
        return f"{payload['command']} {payload['text']}".strip()
    if kind == "events_api":
        return f"event {payload['event']['type']}"
    actions = [str(action["action_id"]) for action in payload.get("actions", [])]
    return " ".join([str(payload["type"]), *actions])


def _read(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body
