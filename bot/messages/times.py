"""Says when something was, and how long it took."""

from datetime import UTC, datetime

from bot.messages.language import _

_MINUTE = 60


def clock(ms: int) -> str:
    """A time of day, in the reader's own zone where Slack can show it."""
    return _date(ms, "{time_secs}", "%H:%M:%S UTC")


def moment(ms: int) -> str:
    """A day and a time of day, likewise."""
    return _date(ms, "{date_short_pretty} {time}", _MOMENT)


def utc(ms: int) -> str:
    """A day and a time of day where Slack does not show it."""
    return _utc(ms, _MOMENT)


def duration(ms: int) -> str:
    """Write a length of time the way people say it: ``42 s``, ``5 min``, ``1 h 5 min``."""
    seconds = round(ms / 1000)
    if seconds < _MINUTE:
        return _("{seconds} s", seconds=seconds)
    hours, minutes = divmod(round(seconds / 60), 60)
    return (
        _("{hours} h {minutes} min", hours=hours, minutes=minutes)
        if hours
        else _("{minutes} min", minutes=minutes)
    )


_MOMENT = "%Y-%m-%d %H:%M UTC"


def _utc(ms: int, shape: str) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime(shape)


def _date(ms: int, shown: str, fallback: str) -> str:
    return f"<!date^{ms // 1000}^{shown}|{_utc(ms, fallback)}>"
