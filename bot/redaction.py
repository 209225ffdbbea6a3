"""Keeps secrets out of the logs, whoever writes them: one filter in front of every handler."""

import logging
import re
import traceback
from collections.abc import Iterable

MASK = "[redacted]"

_PATTERNS = re.compile(
    r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]+"  # Slack's bot, user and refresh tokens
    r"|xapp-[A-Za-z0-9-]+"
    r"|vibe_(?:api|app|live|session)_[A-Za-z0-9_-]+"
    r"|https?://hooks\.slack\.com/[^\s\"'<>]+"  # response_urls carry their own authority
    r"|(?<=Bearer )[A-Za-z0-9._~+/-]+"
    r"|(?<=response_url=)[^&\s]+"
    r"|(?<=[\"']response_url[\"']: [\"'])[^\"']+"
    r"|(?<=wss://)[^\s\"'<>]+",
)


class Redaction(logging.Filter):
    """Masks what looks like a secret, and the very secrets that are configured."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._known = [re.escape(secret) for secret in secrets if len(secret) >= 6]  # noqa: PLR2004 -- shorter would hit words
        self._exact = re.compile("|".join(self._known)) if self._known else None

    def clean(self, text: str) -> str:
        if self._exact:
            text = self._exact.sub(MASK, text)
        return _PATTERNS.sub(MASK, text)

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self.clean(record.getMessage()), None
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = self.clean("".join(traceback.format_exception(*record.exc_info)).rstrip())
            record.exc_info = None
        if record.stack_info:
            record.stack_info = self.clean(record.stack_info)
        return True


def set_up_logging(level: str, secrets: Iterable[str]) -> None:
    """Log to standard error, redacted. Called once, by the command line."""
    handler = logging.StreamHandler()
    handler.addFilter(Redaction(secrets))
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # The libraries' own INFO tells of every request; ours tells of every termination.
    for chatty in ("httpx", "httpcore", "slack_bolt", "slack_sdk", "aiohttp.access"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))
