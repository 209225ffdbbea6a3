"""Looks at a key before it is trusted: what Vibecode says about it, and whether it can read the list."""

from dataclasses import dataclass

from bot.errors import Definite, VibecodeError
from bot.explanations import explain
from bot.ports import Workflows
from bot.workflows import ApiKey, KeyFacts


@dataclass(frozen=True, slots=True)
class KeyReport:
    """What was found; ``problem`` says why the key cannot be used here."""

    facts: KeyFacts
    running: int | None = None
    problem: str | None = None
    unreachable: bool = False
    """Nothing was learnt about the key: Vibecode did not answer as it should."""


async def examine(workflows: Workflows, key: ApiKey, now: int) -> KeyReport:
    """Ask about a key. What Vibecode says of it may be missing; the list has the last word."""
    try:
        facts = await workflows.describe_key(key)
    except Definite as refused:
        if refused.status != 404:  # noqa: PLR2004 -- an older Vibecode does not know this address
            return KeyReport(KeyFacts(), problem=_why(refused))
        facts = KeyFacts()
    except VibecodeError as trouble:
        return KeyReport(KeyFacts(), problem=_why(trouble), unreachable=True)
    if problem := judge(facts, now):
        return KeyReport(facts, problem=problem)
    try:
        page = await workflows.running(key)
    except Definite as refused:
        return KeyReport(facts, problem=_why(refused))
    except VibecodeError as trouble:
        return KeyReport(facts, problem=_why(trouble), unreachable=True)
    return KeyReport(facts, running=page.total if page.total is not None else len(page.instances))


def judge(facts: KeyFacts, now: int) -> str | None:
    """Say what of the facts makes the key useless here; what Vibecode left out proves nothing."""
    if facts.kind == "management":
        return "it is a management key, which reaches no workflows."
    if facts.expires_at is not None and facts.expires_at <= now:
        return "it has expired."
    if facts.access_mode is not None and facts.access_mode.upper() == "READONLY":
        return "it may only read; a key with access mode READWRITE is needed."
    if facts.scopes is not None and "bizproc" not in facts.scopes:
        return "it lacks the scope bizproc. Scopes are fixed when a key is issued: issue another one."
    return None


def _why(trouble: VibecodeError) -> str:
    return f"{explain(trouble.code, trouble.status).why} ({trouble.code})"
