"""Draws the two pictures of the documentation: bars, written as SVG by hand.

A plotting library would bring numpy, which sqlite-utils imports where it finds it: the product would start slower
on the machine where it is measured than anywhere else.
"""

from html import escape
from pathlib import Path

from contenders import ALL
from figures import Figures
from report import short

_ROW, _LABELS, _BARS, _VALUES, _HEAD = 30, 250, 380, 90, 40
_OURS, _THEIRS, _INK = "#2e7d32", "#9e9e9e", "#57606a"


def draw(figures: Figures, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for what, title, name in (
        ("whole jobs: per second", "Whole jobs per second on one core (more is better)", "bench-jobs.svg"),
        (
            "one at a time, acknowledgements alone: ack p50, ms",
            "Acknowledgement of one command, median, ms (less is better)",
            "bench-acks.svg",
        ),
    ):
        (folder / name).write_text(_bars(figures, what, title))


def _bars(figures: Figures, what: str, title: str) -> str:
    values = [
        (each.name, each.durable, value)
        for each in ALL
        if (value := figures.get(what, each.name)) is not None
    ]
    most = max(value for _, _, value in values)
    width, height = _LABELS + _BARS + _VALUES, _HEAD + _ROW * len(values) + 10
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" role="img"',
        f' font-family="sans-serif" font-size="14" viewBox="0 0 {width} {height}" fill="{_INK}">',
        f"<title>{escape(title)}</title>",
        f'<text x="0" y="20" font-weight="bold">{escape(title)}</text>',
    ]
    for number, (name, durable, value) in enumerate(values):
        top = _HEAD + number * _ROW
        length = max(1, round(_BARS * value / most))
        colour = _OURS if durable else _THEIRS
        lines += [
            f'<text x="{_LABELS - 10}" y="{top + 16}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{_LABELS}" y="{top}" width="{length}" height="22" rx="3" fill="{colour}"/>',
            f'<text x="{_LABELS + length + 8}" y="{top + 16}">{short(value)}</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])
