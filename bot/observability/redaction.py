"""Keeps secrets out of the logs, whoever writes them: one filter in front of every handler."""

import logging
import re
import traceback
from collections.abc import Iterable

MASK = "[redacted]"
_SHORTEST = 6
"""A shorter secret would hit ordinary words."""

_TOKENS = (
    r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]+"  # Slack's bot, user and refresh tokens
    r"|xapp-[A-Za-z0-9-]+"
    r"|vibe_(?:api|app|live|session)_[A-Za-z0-9_-]+"
)
TOKEN = re.compile(_TOKENS)
"""What opens Slack or Vibecode to whoever reads it."""
_PATTERNS = re.compile(
    _TOKENS + r"|hooks\.slack\.com(?:/|%2[Ff])[^\s\"'<>&\\]+"  # response_urls carry their own authority
    r"|v0=[0-9a-f]{64}"  # a signature, good for five minutes
    r"|(?i:(?<=Bearer )|(?<=Basic ))[A-Za-z0-9._~+/=-]+"
    r"|(?<=wss://)[^\s\"'<>\\]+"  # the address of a Socket Mode connection holds its ticket
    r"|(?<=ws://)[^\s\"'<>\\]+"
    r"|(?<=://)[^\s/:@]+:[^\s/@]+(?=@)",  # a database's user and password
)
_NAMED = re.compile(
    r"(?P<name>(?:response_url|x-api-key|authorization|x-slack-signature|ticket)[\\\"']*\s*(?:[:=]|%3A|,)\s*b?[\\\"']*)"
    r"(?!\[redacted\]|\(redacted\))[^\s\"'&,)}\\]+",
    re.IGNORECASE,
)


class Redaction(logging.Filter):
    """Masks what looks like a secret, and the very secrets that are configured."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        # Several encryption keys are configured as one text.
        parts = {part.strip() for secret in secrets for part in (secret, *secret.split(","))}
        known = sorted((part for part in parts if len(part) >= _SHORTEST), key=len, reverse=True)
        self._exact = re.compile("|".join(map(re.escape, known))) if known else None

    def clean(self, text: str) -> str:
        if self._exact:
            text = self._exact.sub(MASK, text)
        return _NAMED.sub(rf"\g<name>{MASK}", _PATTERNS.sub(MASK, text))

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self.clean(_message(record)), None
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip()
            record.exc_info = None
        if record.exc_text:
            record.exc_text = self.clean(record.exc_text)
        if record.stack_info:
            record.stack_info = self.clean(record.stack_info)
        return True


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # noqa: BLE001 -- a fault in somebody's logging must not become one in their work
        return f"{record.msg} (its arguments could not be shown: {type(error).__name__})"
