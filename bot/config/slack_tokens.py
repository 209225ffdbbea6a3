"""Tells by its form whether something is the kind of Slack secret that is asked for; none is ever repeated."""

import re

_KINDS = {
    "xoxb-": "a bot token",
    "xoxp-": "a user token",
    "xapp-": "an app-level token",
    "xoxe": "a token of the kind that is renewed all the time",
}
_TOKEN = re.compile(r"[!#-&(-~]+")
_SIGNING_SECRET = re.compile(r"[0-9A-Za-z]{32}")


def token_fault(token: str, prefix: str) -> str | None:
    """Say what is wrong with the kind of a token, without repeating it; None if nothing is."""
    if token.startswith(prefix):
        if token == prefix:
            return f"That is only the beginning of {_KINDS[prefix]}; copy all of it."
        if _TOKEN.fullmatch(token):
            return None
        return f"That begins like {_KINDS[prefix]}, but holds characters that no token has; copy it again."
    given = next((kind for start, kind in _KINDS.items() if token.startswith(start)), "something else")
    return f"That is {given}; {_KINDS[prefix]} is needed, which starts with {prefix}."


def signing_secret_fault(secret: str) -> str | None:
    """The same for a signing secret."""
    if _SIGNING_SECRET.fullmatch(secret):
        return None
    return "A signing secret has 32 letters and digits; it stands under Basic Information."
