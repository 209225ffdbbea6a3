"""How an instance that was made up for practice is known, wherever that must be known."""

from enum import StrEnum

from bot.domain.api_key import ApiKey, OpenedKey

PREFIX = "practice-"
"""Bitrix24's own identifiers are hexadecimal, so none of them begins like this."""


def is_practice(workflow_id: str | None) -> bool:
    """Tell whether this instance is made up; letter case does not let one slip through."""
    return workflow_id is not None and workflow_id.casefold().startswith(PREFIX)


PRACTICE_KEY = "practice"
"""In place of a channel's key, where a made-up instance is to be reached; no real one looks like this."""


def practice_key(workflow_id: str) -> OpenedKey:
    """Make the key that reaches this made-up instance, and nothing else."""
    return OpenedKey(ApiKey(PRACTICE_KEY, session=workflow_id), PRACTICE_KEY)


class Scene(StrEnum):
    """What can be practised."""

    WAITS = "waits"
    """Goes at once."""
    BUSY = "busy"
    """Finishes its step first."""
    STUCK = "stuck"
    """Goes only by force."""
    DENIED = "denied"
    """The key's rights do not suffice."""
