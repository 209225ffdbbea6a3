"""Which termination is being worked on, for whoever writes a line of log about it."""

from contextvars import ContextVar

reference: ContextVar[str | None] = ContextVar("reference", default=None)
"""Set by the worker for all that a job does, and by the service once a request has its reference."""
