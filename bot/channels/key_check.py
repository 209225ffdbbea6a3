"""Looks at a key before it is trusted: what Vibecode says about it, and whether it can read the list."""

from http import HTTPStatus

from bot.domain.api_key import ApiKey, KeyFacts, KeyReport
from bot.domain.errors import Definite, VibecodeError
from bot.ports.workflows import Workflows


async def examine_key(workflows: Workflows, key: ApiKey, now: int) -> KeyReport:
    """Ask about a key. What Vibecode says of it may be missing; the list has the last word."""
    try:
        facts = await describe_key(workflows, key)
    except VibecodeError as error:
        return _trouble(KeyFacts(), error)
    if faults := facts.faults(now):
        return KeyReport(facts, problem=faults[0])
    try:
        page = await workflows.running(key)
    except VibecodeError as error:
        return _trouble(facts, error)
    return KeyReport(facts, running=page.total if page.total is not None else len(page.instances))


async def describe_key(workflows: Workflows, key: ApiKey) -> KeyFacts:
    """Ask what a key may do; an older Vibecode, which cannot say, says nothing against it. Raises VibecodeError."""
    try:
        return await workflows.describe_key(key)
    except Definite as refused:
        if refused.status == HTTPStatus.NOT_FOUND:
            return KeyFacts()
        raise


def _trouble(facts: KeyFacts, error: VibecodeError) -> KeyReport:
    unreachable = not isinstance(error, Definite)
    return KeyReport(facts, problem=error.code, status=error.status, unreachable=unreachable)
