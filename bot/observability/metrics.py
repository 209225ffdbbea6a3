"""The numbers that Haltbot tells about itself; no label holds an id, a reason or whom it was about."""

import contextlib
import time
from collections.abc import Iterator

from prometheus_client import Counter, Gauge, Histogram

from bot.domain.errors import (
    Definite,
    NoAnswer,
    NotRunning,
    NotSent,
    RateLimited,
    SlackError,
    SlackRefused,
    SlackUnavailable,
    UpstreamFailed,
)
from bot.messages.error_catalog import EXPLANATIONS
from bot.observability.tracing import span

_FAST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3)
_CALLS = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15)
_LONG = (0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800)

ACKNOWLEDGEMENTS = Histogram(
    "haltbot_acknowledgement_seconds",
    "How long Slack waited for the acknowledgement of a request; it gives up after 3 s",
    ["kind", "result"],
    buckets=_FAST,
)
SLACK_CALLS = Histogram(
    "haltbot_slack_call_seconds", "Calls of Slack's Web API", ["method", "result"], buckets=_CALLS
)
VIBECODE_CALLS = Histogram(
    "haltbot_vibecode_call_seconds", "Calls of the Vibecode API", ["method", "result"], buckets=_CALLS
)
REQUESTS = Counter("haltbot_requests", "Terminations asked for", ["kind"])
REFUSALS = Counter("haltbot_refusals", "Commands and clicks that were refused", ["reply"])
CONFIRMATIONS = Counter("haltbot_confirmations", "Questions by how they ended", ["end"])
TERMINATIONS = Counter("haltbot_terminations", "Terminations by how they ended", ["outcome", "code"])
TERMINATION_SECONDS = Histogram(
    "haltbot_termination_seconds", "From the request to the outcome", ["outcome"], buckets=_LONG
)
RETRIES = Counter("haltbot_retries", "Calls that failed and are tried again", ["code"])
TAKEOVERS = Counter("haltbot_takeovers", "Calls whose end nobody saw, looked into after a restart")
UNDELIVERED = Counter("haltbot_undelivered", "Outcomes that no message could tell")
QUEUE_AGE = Gauge("haltbot_queue_age_seconds", "How long the oldest due termination has been waiting")
UNFINISHED = Gauge("haltbot_unfinished", "Terminations that are not finished", ["phase"])
KEY_EXPIRY = Gauge("haltbot_key_expiry_seconds", "Until the next channel key expires; +Inf: none does")
FINDINGS = Gauge("haltbot_findings", "What the last daily examination found", ["level"])

KEY_EXPIRY.set(float("inf"))

# The first class that fits decides.
_RESULTS: tuple[tuple[type[BaseException], str], ...] = (
    (NotRunning, "not_running"),
    (Definite, "refused"),
    (RateLimited, "rate_limited"),
    (NotSent, "not_sent"),
    (UpstreamFailed, "upstream_failed"),
    (NoAnswer, "no_answer"),
    (SlackRefused, "refused"),
    (SlackUnavailable, "unavailable"),
)


@contextlib.contextmanager
def timed(histogram: Histogram, name: str, **labels: str) -> Iterator[None]:
    """Time what is done meanwhile, as a span too; how it ended becomes the label ``result``."""
    began, result = time.perf_counter(), "ok"
    try:
        with span(name):
            yield
    except BaseException as error:
        result = _result(error)
        raise
    finally:
        histogram.labels(**labels, result=result).observe(time.perf_counter() - began)


def code_label(code: str | None) -> str:
    """Name a code in a label: only those that are explained, so that nobody else decides how many there are."""
    if code is None:
        return ""
    return code if code in EXPLANATIONS else "OTHER"


def _result(error: BaseException) -> str:
    if isinstance(error, SlackError) and error.code == "ratelimited":
        return "rate_limited"
    return next((word for kind, word in _RESULTS if isinstance(error, kind)), "fault")
