"""The inspector: one line for each request, with its verdict and how long the acknowledgement took."""

from collections.abc import Iterable

from sandbox.slack.delivery import ACK_SECONDS
from sandbox.web.html import Html, tag
from sandbox.web.reader import Reader
from sandbox.web.traffic import Entry, as_text

_ACK_LIMIT_MS = ACK_SECONDS * 1000
_COMFORTABLE_MS = 1000


def inspector(entries: Iterable[Entry], reader: Reader) -> Html:
    """Show the newest first."""
    newest_first = sorted(entries, key=lambda entry: (entry.at, entry.number), reverse=True)
    rows = [_row(entry, reader) for entry in newest_first]
    return tag("div", rows or tag("p", "Nothing has been sent yet.", class_="empty"))


def details(entry: Entry) -> Html:
    """Show what was sent and what came back in full."""
    return tag(
        "div",
        tag("h3", "Request"),
        tag("pre", as_text(entry.request), tabindex=0, aria_label="Request"),
        tag("h3", "Answer"),
        tag("pre", as_text(entry.answer), tabindex=0, aria_label="Answer"),
    )


def _row(entry: Entry, reader: Reader) -> Html:
    direction = f"{entry.sender} to {entry.receiver}"
    summary = tag(
        "summary",
        tag("time", reader.time_of(entry.at, with_seconds=True)),
        tag(
            "span",
            f"{entry.sender} → {entry.receiver}",
            class_=f"route {entry.sender.lower()}-{entry.receiver.lower()}",
            aria_label=direction,
            role="img",
        ),
        tag("span", entry.title, class_="title"),
        tag("span", entry.verdict, class_="verdict failed" if entry.failed else "verdict"),
        _ack(entry),
    )
    return tag(
        "details",
        summary,
        tag("div", class_="exchange", data_keep=True),
        class_="entry",
        data_key=f"entry-{entry.number}",
        data_entry=entry.number,
    )


def _ack(entry: Entry) -> Html | None:
    if entry.ack_ms is None:
        return None
    shown = f"{entry.ack_ms:.0f} ms" if entry.ack_ms < _COMFORTABLE_MS else f"{entry.ack_ms / 1000:.1f} s"
    return tag(
        "span",
        tag(
            "meter",
            min=0,
            max=_ACK_LIMIT_MS,
            low=_COMFORTABLE_MS,
            high=_ACK_LIMIT_MS - 1,
            optimum=0,
            value=round(min(entry.ack_ms, _ACK_LIMIT_MS)),
            aria_label=f"Acknowledged after {shown} of 3 s",
        ),
        tag("span", f"ack {shown} of 3 s"),
        class_="ack",
    )
