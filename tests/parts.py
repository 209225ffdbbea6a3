"""Builds and changes terminations by the names of their parts' fields, which are different in all parts."""

from dataclasses import fields, replace
from typing import Any

from bot.domain.termination import Calls, Posting, Question, Request, Result, Termination

PARTS = {"request": Request, "question": Question, "calls": Calls, "posting": Posting, "result": Result}
PART_OF = {field.name: part for part, of in PARTS.items() for field in fields(of)}


def changed(termination: Termination, **values: Any) -> Termination:
    """A termination that differs in these fields: ``changed(termination, force=True, outcome=None)``."""
    parts = {
        part: replace(
            getattr(termination, part),
            **{name: value for name, value in values.items() if PART_OF.get(name) == part},
        )
        for part in PARTS
    }
    return replace(
        termination, **parts, **{name: value for name, value in values.items() if name not in PART_OF}
    )


def built(**values: Any) -> Termination:
    """A termination; what is not named is as it is for ``/terminate-workflow 69f0c2d5ade389.22457798``."""
    asked = Request(
        team="T1", channel="C1", user="U1", workflow_id="69f0c2d5ade389.22457798", force=False, reason=""
    )
    return changed(Termination(id="abcdefgh2345", request=asked), **values)
