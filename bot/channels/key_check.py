"""Looks at a key before it is trusted: what Vibecode says about it, and whether it can read the list."""

from http import HTTPStatus

from bot.domain.api_key import ApiKey, KeyFacts, KeyFault, KeyReport
from bot.domain.errors import Definite, VibecodeError
from bot.messages.error_catalog import explain
from bot.ports.core import Workflows


async def examine_key(workflows: Workflows, key: ApiKey, now: int) -> KeyReport:
    """Ask about a key. What Vibecode says of it may be missing; the list has the last word."""
    try:
        facts = await describe_key(workflows, key)
    except Definite as refused:
        return KeyReport(KeyFacts(), problem=_why(refused))
    except VibecodeError as trouble:
        return KeyReport(KeyFacts(), problem=_why(trouble), unreachable=True)
    if faults := facts.faults(now):
        return KeyReport(facts, problem=_FAULTS[faults[0]])
    try:
        page = await workflows.running(key)
    except Definite as refused:
        return KeyReport(facts, problem=_why(refused))
    except VibecodeError as trouble:
        return KeyReport(facts, problem=_why(trouble), unreachable=True)
    return KeyReport(facts, running=page.total if page.total is not None else len(page.instances))


async def describe_key(workflows: Workflows, key: ApiKey) -> KeyFacts:
    """Ask what a key may do; an older Vibecode, which cannot say, says nothing against it. Raises VibecodeError."""
    try:
        return await workflows.describe_key(key)
    except Definite as refused:
        if refused.status == HTTPStatus.NOT_FOUND:
            return KeyFacts()
        raise


_FAULTS = {
    KeyFault.MANAGEMENT: "it is a management key, which reaches no workflows.",
    KeyFault.READ_ONLY: "it may only read; a key with access mode READWRITE is needed.",
    KeyFault.NO_SCOPE: "it lacks the scope bizproc. Scopes are fixed when a key is issued: issue another one.",
    KeyFault.EXPIRED: "it has expired.",
}


def _why(trouble: VibecodeError) -> str:
    return f"{explain(trouble.code, trouble.status).why} ({trouble.code})"
