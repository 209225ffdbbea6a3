"""Reads what Vibecode answers: nothing is believed that does not have the shape it should have."""

import json
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from bot.domain.errors import Definite, NoAnswer, NotRunning, RateLimited, UpstreamFailed, VibecodeError
from bot.domain.instance import Instance

LONGEST_WAIT_SECONDS = 600.0
"""Longer waits are cut short: whoever asked is to hear within the hour that it came to nothing."""
_EPOCH = datetime.fromtimestamp(0, UTC)
_CODE = re.compile(r"[A-Z][A-Z0-9_]{1,63}")


@dataclass(slots=True)
class Answer:
    """What Vibecode answered, however broken."""

    status: int
    headers: httpx.Headers
    body: bytearray = field(default_factory=bytearray)

    def json(self) -> Any:
        """Read the body; None stands for empty, HTML, truncated, not UTF-8 or absurdly nested."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def error(self) -> VibecodeError:
        """Tell in our terms what an answer without success means."""
        told = part(self.json(), "error")
        code = told.get("code")
        if not isinstance(code, str) or not _CODE.fullmatch(code):
            code = f"HTTP_{self.status}"
        wait = self._retry_after(told)
        wait = min(wait, LONGEST_WAIT_SECONDS) if wait is not None else None
        return _class_of(self.status, code)(code, self.status, retry_after=wait)

    def _retry_after(self, told: Mapping[str, Any]) -> float | None:
        seconds = _seconds(told.get("retryAfter"))
        header = self.headers.get("Retry-After")
        if seconds is not None or header is None:
            return seconds
        if (seconds := _seconds(header)) is not None:
            return seconds
        if (until := _date(header)) is None:
            return None
        # Both dates come from the server's clock, so a wrong clock of ours does not matter.
        since = _date(self.headers.get("Date", ""))
        return max(0.0, until - (time.time() if since is None else since))


def _class_of(status: int, code: str) -> type[VibecodeError]:
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return RateLimited
    if status == httpx.codes.NOT_FOUND and code == "ENTITY_NOT_FOUND":
        return NotRunning
    if not httpx.codes.is_server_error(status):
        return Definite
    # BITRIX_TIMEOUT and QUEUE_TIMEOUT come as 504, and as 502.
    timed_out = status == httpx.codes.GATEWAY_TIMEOUT or code.endswith("_TIMEOUT")
    return NoAnswer if timed_out else UpstreamFailed


def instance(row: object) -> Instance | None:
    """Read a row of the list; None for what names no instance."""
    if not isinstance(row, dict) or (found := text(row.get("ID"))) is None:
        return None
    return Instance(
        id=found,
        template_id=text(row.get("TEMPLATE_ID")),
        document_id=text(row.get("DOCUMENT_ID")),
        entity=text(row.get("ENTITY")),
        started_at=milliseconds(row.get("STARTED")),
        started_by=text(row.get("STARTED_BY")),
        modified_at=milliseconds(row.get("MODIFIED")),
        locked_until=milliseconds(row.get("OWNED_UNTIL")),
    )


def part(body: object, name: str) -> dict[str, Any]:
    """Read an object in an object; an empty one stands for none."""
    found = body.get(name) if isinstance(body, dict) else None
    return found if isinstance(found, dict) else {}


def text(value: object) -> str | None:
    """Read a text, or a whole number as one; None for anything else, and for an empty one."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        return None
    # JSON can write half a character and a NUL, and no database stores either.
    return value.encode(errors="replace").decode().replace("\0", "") or None


def named(value: object, *names: str) -> str | None:
    """Read a text, or the first of these fields where an object came instead."""
    if not isinstance(value, dict):
        return text(value)
    return next((found for name in names if (found := text(value.get(name))) is not None), None)


def count(value: object) -> int | None:
    """Read a whole number that counts something."""
    digits = text(value)
    return int(digits) if digits is not None and re.fullmatch(r"[0-9]{1,18}", digits) else None


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def milliseconds(value: object) -> int | None:
    """Read an ISO 8601 time as milliseconds since 1970."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        # A time without a zone is taken as UTC: an hour's error in a display beats no time at all.
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        # In UTC it has to be a time that can be shown again.
        return (aware.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        return None


def _date(value: str) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError):
        return None
