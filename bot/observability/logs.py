"""The two forms of the log: for people on a terminal, as JSON everywhere else, each line with its reference."""

import logging
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog
from structlog.typing import Processor

from bot.observability import context

Line = MutableMapping[str, Any]


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
