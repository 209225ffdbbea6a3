"""How an instance that was made up for practice is known, wherever that must be known."""

PREFIX = "practice-"
"""Bitrix24's own identifiers are hexadecimal, so none of them begins like this."""


def is_practice(workflow_id: str | None) -> bool:
    """Tell whether this instance is made up; letter case does not let one slip through."""
    return workflow_id is not None and workflow_id.casefold().startswith(PREFIX)
