"""Writes a moment as Slack does: by the tokens of a format, in the reader's zone and habit."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_TOKEN = re.compile(r"\{([a-z_]+)\}")
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def zone(name: str) -> tzinfo:
    """Find a zone; a machine that has no zones, or not this one, shows UTC."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def formatted(timestamp: int, layout: str, *, now: float, tz: str, locale: str) -> str:
    """Fill in the tokens of ``layout``; an unknown one stays as it is."""
    moment = datetime.fromtimestamp(timestamp, zone(tz))
    today = datetime.fromtimestamp(now, zone(tz))

    def fill(found: re.Match[str]) -> str:
        token = found[1]
        if token == "ago":
            return _ago(now - timestamp)
        if token.endswith("_pretty") and (day := _near(moment, today)):
            return day
        write = _TOKENS.get(token.removesuffix("_pretty"))
        return write(moment, locale) if write else found[0]

    return _TOKEN.sub(fill, layout)


def clock(moment: datetime, locale: str, *, seconds: bool = False) -> str:
    """Write a time of day: with AM and PM where people write it so."""
    tail = f":{moment:%S}" if seconds else ""
    if locale == "en-US":
        return f"{moment.hour % 12 or 12}:{moment:%M}{tail} {moment:%p}"
    return f"{moment:%H:%M}{tail}"


def _near(moment: datetime, today: datetime) -> str | None:
    days = {-1: "yesterday", 0: "today", 1: "tomorrow"}
    return days.get((moment.date() - today.date()) // timedelta(days=1))


def _ago(seconds: float) -> str:
    amount, ahead = abs(seconds), seconds < 0
    if amount < _MINUTE:
        return "in a moment" if ahead else "just now"
    for size, name in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute")):
        if amount >= size:
            count = int(amount // size)
            text = f"{count} {name}{'s' if count > 1 else ''}"
            return f"in {text}" if ahead else f"{text} ago"
    return ""


def _ordinal(day: int) -> str:
    teens = range(11, 14)
    return f"{day}{'th' if day in teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"


_TOKENS: dict[str, Callable[[datetime, str], str]] = {
    "date_num": lambda m, _: f"{m:%Y-%m-%d}",
    "date_slash": lambda m, _: f"{m:%m/%d/%Y}",
    "date": lambda m, _: f"{m:%B} {_ordinal(m.day)}, {m.year}",
    "date_short": lambda m, _: f"{m:%b} {m.day}, {m.year}",
    "date_long": lambda m, _: f"{m:%A}, {m:%B} {_ordinal(m.day)}, {m.year}",
    "day_divider": lambda m, _: f"{m:%A}, {m:%B} {_ordinal(m.day)}",
    "time": clock,
    "time_secs": lambda m, locale: clock(m, locale, seconds=True),
}
