"""Keys and sessions of the local Vibecode, and what each of them may do."""

import math
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_DEFAULT_RATE = 300
_WINDOW_SECONDS = 60.0
_SHOWN_START, _SHOWN_END = 16, 4
_KINDS = {"vibe_api_": "personal", "vibe_app_": "app", "vibe_live_": "management"}


@dataclass(slots=True)
class Key:
    """One API key; a test may change any property while the sandbox runs."""

    value: str
    access_mode: str
    scopes: tuple[str, ...]
    expires_at: float | None
    owner: str
    rate_per_minute: int | None
    active: bool
    tokens: bool
    admin: bool
    redirect_uris: tuple[str, ...]
    used: int = 0
    window_ends_at: float = 0.0

    @property
    def kind(self) -> str:
        return next((kind for start, kind in _KINDS.items() if self.value.startswith(start)), "personal")

    def describe(self, portal: str) -> dict[str, Any]:
        """Show it as ``GET /v1/me`` does."""
        expires_at = (
            None if self.expires_at is None else datetime.fromtimestamp(self.expires_at, UTC).isoformat()
        )
        facts = {
            "type": self.kind,
            "keyPrefix": self.value[:_SHOWN_START],
            "keySuffix": self.value[-_SHOWN_END:],
            "expiresAt": expires_at,
            "scopes": list(self.scopes),
            "accessMode": self.access_mode,
        }
        return facts if self.kind == "management" else facts | {"portal": portal, "owner": self.owner}


@dataclass(slots=True)
class Session:
    """What an application's key needs beside it: the consent of one user, for a day."""

    key: str
    token: str
    user: str
    expires_at: float


class Keys:
    """All keys and sessions; every check answers with the code of the first thing that is wrong, or None."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.keys: dict[str, Key] = {}
        self.sessions: dict[str, Session] = {}

    def caller(self, headers: Mapping[str, str]) -> tuple[Key | None, str | None]:
        """Find out who calls."""
        value = headers.get("X-Api-Key")
        if value is None:
            return None, "MISSING_API_KEY"
        key = self.keys.get(value)
        if key is None:
            return None, "INVALID_API_KEY"
        if not key.active:
            return key, "KEY_INACTIVE"
        if key.expires_at is not None and key.expires_at <= self._clock():
            return key, "KEY_EXPIRED"
        return key, self._session_refusal(key, headers) if key.kind == "app" else None

    def count(self, key: Key) -> tuple[dict[str, str], str | None]:
        """Count this call against the key's limit; the headers tell how much is left."""
        now = self._clock()
        if key.window_ends_at <= now:
            key.used, key.window_ends_at = 0, now + _WINDOW_SECONDS
        key.used += 1
        limit = key.rate_per_minute or _DEFAULT_RATE
        headers = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(0, limit - key.used)),
            "X-RateLimit-Reset": str(math.ceil(key.window_ends_at)),
        }
        limited = key.rate_per_minute is not None and key.used > limit
        return headers, "RATE_LIMITED" if limited else None

    def seconds_until_free(self, key: Key) -> int:
        return max(1, math.ceil(key.window_ends_at - self._clock()))

    def refusal(self, key: Key, *, write: bool) -> str | None:
        """Tell why this key may not touch workflows."""
        if key.kind == "management":
            return "MANAGEMENT_KEY_NO_ENTITY_ACCESS"
        if not key.tokens:
            return "TOKEN_MISSING"
        if "bizproc" not in key.scopes:
            return "SCOPE_DENIED"
        if write and key.access_mode != "READWRITE":
            return "WRITE_BLOCKED_READONLY_KEY"
        return None if key.admin else "BITRIX_ACCESS_DENIED"

    def _session_refusal(self, key: Key, headers: Mapping[str, str]) -> str | None:
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        if scheme.casefold() != "bearer" or not token:
            return "INVALID_APP_KEY"
        session = self.sessions.get(token)
        if session is None:
            return "INVALID_SESSION"
        if session.key != key.value:
            return "SESSION_APP_MISMATCH"
        return "TOKEN_EXPIRED" if session.expires_at <= self._clock() else None


def masked(text: str) -> str:
    """Hide every key in a text; only one that is long enough keeps its first 16 and last 4 characters."""
    return re.sub(r"vibe_[a-z]+_[A-Za-z0-9_-]*", lambda found: _masked_key(found[0]), text)


def new_value(kind: str) -> str:
    return f"vibe_{kind}_{secrets.token_hex(20)}"


def _masked_key(value: str) -> str:
    if len(value) >= 2 * (_SHOWN_START + _SHOWN_END):
        return f"{value[:_SHOWN_START]}…{value[-_SHOWN_END:]}"
    return "_".join(value.split("_")[:2]) + "_…"
