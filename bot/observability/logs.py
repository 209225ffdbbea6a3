"""The log: redacted, each line with its reference; in columns on a terminal, as JSON everywhere else."""

import logging
import sys
import threading
from collections.abc import Iterable, Mapping, MutableMapping
from types import TracebackType
from typing import Any

import structlog
from structlog.typing import Processor

from bot.observability import context
from bot.observability.redaction import Redaction

Line = MutableMapping[str, Any]


def set_up_logging(level: str, secrets: Iterable[str]) -> None:
    """Log to standard error, redacted, also what nobody caught. Called once, by the command line."""
    handler = logging.StreamHandler()
    handler.addFilter(Redaction(secrets))
    handler.addFilter(with_reference)
    handler.setFormatter(formatter(for_people=handler.stream.isatty()))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread
    # The libraries' own INFO tells of every request; ours tells of every termination.
    for chatty in ("httpx", "httpcore", "slack_bolt", "slack_sdk", "aiohttp.access"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))


def formatter(*, for_people: bool) -> logging.Formatter:
    """Build what writes a record that has been redacted."""
    last: Processor = (
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
        if for_people
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _add_what_the_record_holds,
        ],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
    )


def with_reference(record: logging.LogRecord) -> bool:
    """Add the reference where the line is written: another thread or task may format it."""
    record.reference = getattr(record, "reference", None) or context.reference.get()
    return True


def _add_what_the_record_holds(_logger: Any, _method: str, line: Line) -> Mapping[str, Any]:
    record: logging.LogRecord = line["_record"]
    if reference := getattr(record, "reference", None):
        line["reference"] = reference
    # The redaction has turned the exception into text.
    if record.exc_text:
        line["exception"] = record.exc_text
    if stack := line.pop("stack_info", None):
        line["stack"] = stack
    return line


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logging.getLogger("haltbot").critical(
        "Haltbot ends of a fault of its own.", exc_info=(kind, error, trace)
    )


def _log_uncaught_in_thread(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is not None:
        _log_uncaught(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)
