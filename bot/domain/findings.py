"""What an examination finds: good or not, and what to do about it. Judgement only; nothing is asked here."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
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
_ABOUT_A_CHANNEL = re.compile(r"haltbot key (?:set|remove)(?: --session)?(?! --)")


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of an examination. ``check`` stays the same from one to the next."""

    check: str
    level: Level
    told: str
    remedy: str = ""
    team: str | None = None
    channel: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Place:
    """Makes the findings about one channel."""

    team: str
    channel: str

    def ok(self, check: str, told: str) -> Finding:
        return Finding(check, Level.OK, told, "", self.team, self.channel)

    def warn(self, check: str, told: str, remedy: str) -> Finding:
        return Finding(check, Level.WARN, told, self._named_in(remedy), self.team, self.channel)

    def fail(self, check: str, told: str, remedy: str) -> Finding:
        return Finding(check, Level.FAIL, told, self._named_in(remedy), self.team, self.channel)

    def _named_in(self, remedy: str) -> str:
        """Make its commands such as can be run as they stand."""
        return _ABOUT_A_CHANNEL.sub(rf"\g<0> --team {self.team} --channel {self.channel}", remedy)


def worst(findings: Iterable[Finding]) -> Level:
    """The level of the worst one."""
    levels = {finding.level for finding in findings}
    return next((level for level in (Level.FAIL, Level.WARN) if level in levels), Level.OK)


def judge_scopes(granted: str, required: Iterable[str], optional: Iterable[str]) -> Finding:
    """Compare what Slack granted (``x-oauth-scopes``) with the manifest."""
    has = {scope.strip() for scope in granted.split(",") if scope.strip()}
    if not has:
        return Finding("slack.scopes", Level.WARN, "Slack does not say which scopes the token has.")
    if missing := sorted(set(required) - has):
        return Finding(
            "slack.scopes",
            Level.FAIL,
            f"The token lacks {', '.join(missing)}.",
            "Add them under OAuth & Permissions (or paste `haltbot manifest` again), reinstall the app, copy the token.",
        )
    if missing := sorted(set(optional) - has):
        return Finding(
            "slack.scopes",
            Level.WARN,
            f"The token lacks the optional {', '.join(missing)}.",
            "Some of what is seen and checked in Slack stays unknown; grant them and reinstall the app to have it.",
        )
    return Finding("slack.scopes", Level.OK, "The token has the manifest's scopes.")


def judge_clock(ahead_seconds: float | None) -> Finding:
    """Judge how far this machine's clock is from Slack's."""
    remedy = "Let the machine's clock follow a time server (NTP)."
    if ahead_seconds is None:
        return Finding("clock", Level.WARN, "Slack's answer carries no time to compare with.")
    off = abs(ahead_seconds)
    way = "ahead of" if ahead_seconds > 0 else "behind"
    told = f"This machine's clock is {off:.0f} s {way} Slack's."
    if off >= CLOCK_FAIL_SECONDS:
        return Finding("clock", Level.FAIL, f"{told} Slack's signatures will be refused as too old.", remedy)
    if off >= CLOCK_WARN_SECONDS:
        return Finding("clock", Level.WARN, told, remedy)
    return Finding("clock", Level.OK, "This machine's clock agrees with Slack's.")


def judge_disk(free_bytes: int) -> Finding:
    """Judge how much can still be written."""
    told = f"{free_bytes // (1024 * 1024)} MB are free where the database is."
    if free_bytes < NO_DISK_BYTES:
        return Finding("database.disk", Level.FAIL, told, "Make room: without it no command can be recorded.")
    if free_bytes < LOW_DISK_BYTES:
        return Finding("database.disk", Level.WARN, told, "Make room, or set HALTBOT_RETENTION_DAYS.")
    return Finding("database.disk", Level.OK, told)


def judge_conversation(place: Place, shown: Mapping[str, Any]) -> list[Finding]:
    """Judge what ``conversations.info`` says about a channel."""
    found = []
    if shown.get("is_archived"):
        found.append(
            place.fail(
                "channel.archived",
                "The channel is archived: its messages go to people directly.",
                "Unarchive it, or set the key in another channel.",
            )
        )
    if shown.get("is_ext_shared") or shown.get("is_pending_ext_shared"):
        found.append(
            place.warn(
                "channel.shared",
                "The channel is shared with another organisation, whose people read what Haltbot writes.",
                "Move the key to a channel of your own, unless this is meant.",
            )
        )
    if not shown.get("is_member") and not shown.get("is_im"):
        found.append(
            place.warn(
                "channel.member",
                "Haltbot is no member of the channel, so it can only answer commands there.",
                "Type /invite @haltbot in the channel.",
            )
        )
    return found or [place.ok("channel.slack", "Haltbot is a member; the channel is open and your own.")]


def judge_key(place: Place, facts: KeyFacts, now: int) -> list[Finding]:
    """Judge what ``GET /v1/me`` says about a channel's key."""
    found = [place.fail(*_FAULTS[fault]) for fault in facts.faults(now)]
    if facts.expires_at is not None and 0 < (left := facts.expires_at - now) < WARN_DAYS * DAY_MS:
        days = max(1, round(left / DAY_MS))
        told = f"The key expires in {days} day(s), on {_day(facts.expires_at)}."
        found.append(place.warn("key.expiry", told, _ISSUE))
    kind = f"{facts.kind} " if facts.kind else ""
    owner = f"; its owner is {facts.owner}" if facts.owner else ""
    portal = f" of {facts.portal}" if facts.portal else ""
    return found or [place.ok("key.facts", f"The {kind}key{portal} may stop workflows{owner}.")]


_ISSUE = "Issue a new key in Vibecode and set it: haltbot key set."
_FAULTS = {
    KeyFault.MANAGEMENT: (
        "key.kind",
        "It is a management key, which reaches no workflows.",
        "Set a personal key (vibe_api_…): haltbot key set.",
    ),
    KeyFault.READ_ONLY: (
        "key.readonly",
        "The key may only read, so nothing can be stopped.",
        "Issue a key with access mode READWRITE and set it: haltbot key set.",
    ),
    KeyFault.NO_SCOPE: (
        "key.scope",
        "The key lacks the scope bizproc.",
        "Issue a new key with bizproc and set it: haltbot key set.",
    ),
    KeyFault.EXPIRED: ("key.expiry", "The key has expired.", _ISSUE),
}


def _day(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
