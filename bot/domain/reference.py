"""References: how a termination is named on the phone and in a log."""

import secrets

_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"


def new_reference() -> str:
    """Make an unguessable reference that can be read out on the phone: 12 of 31 unmistakable characters."""
    return unmistakable(12)


def unmistakable(count: int) -> str:
    """Make up so many characters, none of which looks like another."""
    letters = len(_ALPHABET)
    # One call to the system's randomness instead of one a character.
    number = secrets.randbelow(letters**count)
    return "".join(_ALPHABET[number // letters**place % letters] for place in range(count))
