"""Renders sentences in a language, with the standard library's gettext; English stands in the code.

A sentence is one whole with named ``{placeholders}``, so that a translation can use another word order and its own
plural forms. ``make words`` collects the sentences and checks each ``locale/<language>/LC_MESSAGES/haltbot.po``.
"""

import gettext
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TypeVar

from bot.domain.command import COMMAND

T = TypeVar("T")

ENGLISH = "en"
LOCALE = Path(__file__).parent / "locale"
DOMAIN = "haltbot"

_AS_WRITTEN = gettext.NullTranslations()
_spoken: ContextVar[gettext.NullTranslations] = ContextVar("spoken", default=_AS_WRITTEN)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Render everything within in this language; in English where there is no catalogue for it."""
    token = _spoken.set(_catalogue(language))
    try:
        yield
    finally:
        _spoken.reset(token)


def _(sentence: str, /, **values: object) -> str:
    """Translate a sentence and fill it in; ``{command}`` is always known. Raises KeyError for a missing value."""
    return _spoken.get().gettext(sentence).format(command=COMMAND, **values)


def n_(singular: str, plural: str, count: int, /, **values: object) -> str:
    """The same for a sentence that depends on a number, which fills ``{count}``."""
    translated = _spoken.get().ngettext(singular, plural, count)
    return translated.format(command=COMMAND, count=count, **values)


def N_(sentences: T, /) -> T:  # noqa: N802 -- gettext's own name for it
    """Mark a sentence, or each one of a table but its keys; ``_`` translates it where it is used."""
    return sentences


def paragraph(*sentences: str | None) -> str:
    """Put whole sentences behind one another; what is empty is left out."""
    return " ".join(filter(None, sentences))


def listed(names: Sequence[str]) -> str:
    """List names the way the language does; empty for none."""
    if not names:
        return ""
    *before, last = names
    return _("{names} and {last}", names=", ".join(before), last=last) if before else last


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation(DOMAIN, LOCALE, [language], fallback=True)
