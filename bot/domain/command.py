"""Reads the text behind ``/terminate-workflow``: an ID, perhaps the word force, the reason as typed."""

import html
import re
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.errors import Refused

COMMAND = "/terminate-workflow"

REASON_LIMIT = 3000
"""Characters of a reason; Slack shows at most 3,000 in one text."""


class Word(StrEnum):
    """A word of the command that stops nothing; ``bot.domain.permissions`` says what each takes."""

    HELP = "help"
    STATUS = "status"
    SHOW = "show"
    CONFIG = "config"
    KEY = "key"
    CONNECT = "connect"


_WORDS = {word.value: word for word in Word}

# Phones turn "--" into a dash of their own and put invisible characters round pasted text.
_FORCE = re.compile(r"(?:--?|[\u2010-\u2015\u2212])?force", re.IGNORECASE)
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_WRAPPING = "`'\"<>\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb()[],;"

_USUAL_ID = re.compile(r"[0-9a-f]{14}\.[0-9]{8}")
_PLAUSIBLE_ID = re.compile(r"(?=.*[0-9])[0-9A-Za-z](?:[0-9A-Za-z._-]{0,62}[0-9A-Za-z])")
_DOCUMENT = re.compile(r"[#\u2116]?\d{1,12}|(?:[A-Z]+_)+\d+|T[0-9a-f]+_\d+|[A-Za-z]*CrmDocument\w*")
# A host ends with a word; an ID with something behind it is no address.
_ADDRESS = re.compile(r"(?:https?:)?//|^(?:[\w-]+\.)+[^\W\d_][\w-]+(?::[0-9]+)?/", re.IGNORECASE)
# A digit of another script: what Python takes for one, but for the ten that an ID may hold.
_STRANGE_DIGIT = re.compile(r"[^\D0-9]")
_KEY = re.compile(r"vibe_(?:api|app|live|session)_[A-Za-z0-9_-]{8,}")


@dataclass(frozen=True, slots=True)
class Order:
    """What a person asked for: ``reason`` is exactly what was typed, only its ends are trimmed."""

    workflow_id: str
    force: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Subcommand:
    """A word that stops nothing, such as ``help``, and what stood behind it."""

    word: Word
    rest: str


def has_usual_shape(workflow_id: str) -> bool:
    """Tell whether this is PHP's ``uniqid('', true)``, the shape that Bitrix24 gives its instances."""
    return bool(_USUAL_ID.fullmatch(workflow_id))


def parse(text: str) -> Order | Subcommand:
    """Read the command's text as Slack sends it.

    Slack writes ``&``, ``<`` and ``>`` as entities, so these are undone once. Raises Refused.
    """
    typed = _unescape(text).strip()
    refuse_key(typed)
    first, rest = _split(typed)
    word = _clean(first)
    if not word:
        return Subcommand(Word.HELP, "")
    if subcommand := _WORDS.get(word.casefold()):
        return Subcommand(subcommand, rest)
    return _order(word, rest)


def workflow_id(word: str) -> str:
    """Return the identifier that a person typed or pasted. Raises Refused with what to do instead."""
    word = _clean(word)
    if not word:
        raise Refused("no_id")
    if _FORCE.fullmatch(word):
        raise Refused("force_before_id")
    if _ADDRESS.search(word):
        inside = re.search(r"[0-9a-f]{14}\.[0-9]{8}", word)
        raise Refused("portal_address", found=inside[0] if inside else None)
    if _STRANGE_DIGIT.search(word):
        raise Refused("strange_digits", typed=word[:80])
    if _DOCUMENT.fullmatch(word):
        raise Refused("document_number", typed=word)
    if not _PLAUSIBLE_ID.fullmatch(word) or ".." in word:
        raise Refused("not_an_id", typed=word[:80])
    return word


def refuse_key(text: str) -> None:
    """Raise Refused where a text holds an API key, which must not be kept."""
    if found := _KEY.search(text):
        raise Refused("key_in_command", kind=found[0].split("_")[1])


def _order(word: str, rest: str) -> Order:
    identifier = workflow_id(word)
    second, behind = _split(rest)
    # Quotation marks stay: "force majeure" is a reason.
    force = bool(_FORCE.fullmatch(_INVISIBLE.sub("", second)))
    reason = (behind if force else rest).strip()
    if len(reason) > REASON_LIMIT:
        raise Refused("reason_too_long", length=len(reason), limit=REASON_LIMIT)
    return Order(identifier, force, reason)


def _split(text: str) -> tuple[str, str]:
    """Return the first word and all that follows it, untouched but for the white space between them."""
    parts = text.split(maxsplit=1)
    return (parts[0] if parts else "", parts[1] if len(parts) > 1 else "")


def _clean(word: str) -> str:
    return _INVISIBLE.sub("", word).strip(_WRAPPING)


def _unescape(text: str) -> str:
    # Only Slack's three entities, once: "&amp;lt;" was typed as "&lt;".
    return re.sub(r"&(?:amp|lt|gt);", lambda entity: html.unescape(entity[0]), text)
