"""The tree of errors that the docstring draws is the tree that there is."""

import re

import pytest

from bot.domain import errors
from bot.domain.errors import (
    Definite,
    HaltbotError,
    NoAnswer,
    NotRunning,
    Refused,
    SlackUnavailable,
)

_LINE = re.compile(r"^( *)[*x+-] (\w+)", re.MULTILINE)


def drawn() -> dict[str, str | None]:
    """Read the docstring's tree: each error with its parent."""
    parents: dict[str, str | None] = {}
    path: list[tuple[int, str]] = []
    for indent, name in _LINE.findall(errors.__doc__ or ""):
        while path and path[-1][0] >= len(indent):
            path.pop()
        parents[name] = path[-1][1] if path else None
        path.append((len(indent), name))
    return parents


def defined() -> dict[str, str | None]:
    classes = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, HaltbotError)]
    return {c.__name__: None if c is HaltbotError else c.__bases__[0].__name__ for c in classes}


def test_the_drawn_tree_is_complete_and_true():
    """Every error is drawn under its parent, and nothing is drawn that is not there."""
    assert defined() == drawn()


def test_every_error_says_what_it_means():
    """A docstring of at least one sentence."""
    assert [] == [name for name in defined() if not (vars(errors)[name].__doc__ or "").strip().endswith(".")]


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (Definite("SCOPE_DENIED", 403), "SCOPE_DENIED (HTTP 403)"),
        (NotRunning("ENTITY_NOT_FOUND", 404), "ENTITY_NOT_FOUND (HTTP 404)"),
        (NoAnswer("TIMEOUT"), "TIMEOUT"),
        (Refused("not_an_id", typed="private"), "not_an_id"),
        (SlackUnavailable("ratelimited", retry_after=3), "ratelimited"),
    ],
)
def test_an_error_reads_well_in_a_log(error, shown):
    """Codes, no text that a person typed."""
    assert shown == str(error)
