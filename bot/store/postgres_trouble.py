"""Tells why PostgreSQL cannot be reached, in words of our own: a driver's may repeat the address and its password."""

import re

import psycopg

_SERVER_SAID = re.compile(r"(?:FATAL|PANIC): +(.+)")
"""A server that refuses a connection says why, and it never repeats a password."""

_NAME_UNKNOWN = "the server's name is not known"
_NO_WAY = "the server cannot be reached (there is no way to it)"
_LATE = "the server did not answer in time"
_CLOSED = "the server closed the connection"
_TROUBLE = {
    "no such file": "no server is there (No such file or directory)",
    "refused": "the server cannot be reached (connection refused)",
    "resolve host": _NAME_UNKNOWN,
    "translate host name": _NAME_UNKNOWN,
    "unreachable": _NO_WAY,
    "no route": _NO_WAY,
    "couldn't get a connection": _LATE,
    "pool initialization": _LATE,
    "timeout": _LATE,
    "timed out": _LATE,
    "no password": "the server wants a password",
    "certificate": "the server's certificate was not accepted, or none could be read",
    "closed": _CLOSED,
    "hung up": _CLOSED,
    "eof detected": _CLOSED,
    "connection is lost": _CLOSED,
    "ssl": "no encrypted connection could be made",
}
"""What we say of what the driver says; the first that fits."""


def describe(error: psycopg.Error) -> str:
    """Tell a failure: in the server's own words if it said something."""
    if error.diag.message_primary:
        return error.diag.message_primary
    text = str(error)
    if said := _SERVER_SAID.search(text):
        return said[1]
    if isinstance(error, psycopg.OperationalError):
        return next(
            (ours for words, ours in _TROUBLE.items() if words in text.lower()), "the connection failed"
        )
    return "the address cannot be used, or the driver refused what was asked of it; check DATABASE_URL"
