"""What an examination finds: good or not, and which sentence says so. Judgement only; nothing is asked here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bot.domain.api_key import KeyFacts, KeyFault

DAY_MS = 24 * 60 * 60 * 1000
WARN_DAYS = 14
CLOCK_WARN_SECONDS = 30
CLOCK_FAIL_SECONDS = 240
"""Slack's signatures are refused from 300 s on."""
LOW_DISK_BYTES = 200 * 1024 * 1024
NO_DISK_BYTES = 20 * 1024 * 1024
_CHECKS = {
    KeyFault.MANAGEMENT: "key.kind",
    KeyFault.READ_ONLY: "key.readonly",
    KeyFault.NO_SCOPE: "key.scope",
    KeyFault.EXPIRED: "key.expiry",
}


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of an examination. ``check`` stays the same from one to the next.

    ``says`` names its sentence in ``bot.messages.findings``, which ``values`` fill in.
    """

    check: str
    level: Level
    says: str
    values: Mapping[str, Any] = field(default_factory=dict)
    team: str | None = None
    channel: str | None = None


def ok(check: str, says: str, **values: Any) -> Finding:
    """A finding that nobody has to do anything about."""
    return Finding(check, Level.OK, says, values)


def warn(check: str, says: str, **values: Any) -> Finding:
    """A finding that somebody should look at."""
    return Finding(check, Level.WARN, says, values)


def fail(check: str, says: str, **values: Any) -> Finding:
    """A finding with which Haltbot does not work."""
    return Finding(check, Level.FAIL, says, values)


@dataclass(frozen=True, slots=True)
class Place:
    """Makes the findings about one channel."""

    team: str
    channel: str

    def ok(self, check: str, says: str, **values: Any) -> Finding:
        return Finding(check, Level.OK, says, values, self.team, self.channel)

    def warn(self, check: str, says: str, **values: Any) -> Finding:
        return Finding(check, Level.WARN, says, values, self.team, self.channel)

    def fail(self, check: str, says: str, **values: Any) -> Finding:
        return Finding(check, Level.FAIL, says, values, self.team, self.channel)


def worst(findings: Iterable[Finding]) -> Level:
    """The level of the worst one."""
    levels = {finding.level for finding in findings}
    return next((level for level in (Level.FAIL, Level.WARN) if level in levels), Level.OK)


def judge_scopes(granted: str, required: Iterable[str], optional: Iterable[str]) -> Finding:
    """Compare what Slack granted (``x-oauth-scopes``) with the manifest."""
    has = {scope.strip() for scope in granted.split(",") if scope.strip()}
    if not has:
        return warn("slack.scopes", "scopes_unknown")
    if missing := sorted(set(required) - has):
        return fail("slack.scopes", "scopes_missing", scopes=", ".join(missing))
    if missing := sorted(set(optional) - has):
        return warn("slack.scopes", "scopes_optional", scopes=", ".join(missing))
    return ok("slack.scopes", "scopes_good")


def judge_clock(ahead_seconds: float | None) -> Finding:
    """Judge how far this machine's clock is from Slack's."""
    if ahead_seconds is None:
        return warn("clock", "clock_unknown")
    off, ahead = round(abs(ahead_seconds)), ahead_seconds > 0
    if abs(ahead_seconds) >= CLOCK_FAIL_SECONDS:
        return fail("clock", "clock_too_far_ahead" if ahead else "clock_too_far_behind", seconds=off)
    if abs(ahead_seconds) >= CLOCK_WARN_SECONDS:
        return warn("clock", "clock_ahead" if ahead else "clock_behind", seconds=off)
    return ok("clock", "clock_good")


def judge_disk(free_bytes: int) -> Finding:
    """Judge how much can still be written."""
    megabytes = free_bytes // (1024 * 1024)
    if free_bytes < NO_DISK_BYTES:
        return fail("database.disk", "disk_full", megabytes=megabytes)
    if free_bytes < LOW_DISK_BYTES:
        return warn("database.disk", "disk_low", megabytes=megabytes)
    return ok("database.disk", "disk_good", megabytes=megabytes)


def judge_conversation(place: Place, shown: Mapping[str, Any]) -> list[Finding]:
    """Judge what ``conversations.info`` says about a channel."""
    found = []
    if shown.get("is_archived"):
        found.append(place.fail("channel.archived", "channel_archived"))
    if shown.get("is_ext_shared") or shown.get("is_pending_ext_shared"):
        found.append(place.warn("channel.shared", "channel_shared"))
    if not shown.get("is_member") and not shown.get("is_im"):
        found.append(place.warn("channel.member", "channel_not_member"))
    return found or [place.ok("channel.slack", "channel_good")]


def judge_key(place: Place, facts: KeyFacts, now: int) -> list[Finding]:
    """Judge what ``GET /v1/me`` says about a channel's key."""
    found = [place.fail(_CHECKS[fault], f"key_{fault}") for fault in facts.faults(now)]
    if facts.expires_at is not None and 0 < (left := facts.expires_at - now) < WARN_DAYS * DAY_MS:
        days = max(1, round(left / DAY_MS))
        found.append(place.warn("key.expiry", "key_expires", days=days, expires_at=facts.expires_at))
    good = place.ok("key.facts", "key_good", kind=facts.kind, owner=facts.owner, portal=facts.portal)
    return found or [good]
