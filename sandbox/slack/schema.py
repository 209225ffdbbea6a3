"""A small language for what Slack accepts, which says no with Slack's wording and JSON pointers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class Rule(Protocol):
    """Something a value must satisfy; yields one sentence per fault, each with where it is."""

    def faults(self, value: Any, pointer: str) -> Iterator[str]: ...


def fault(sentence: str, pointer: str) -> str:
    return f"[ERROR] {sentence} [json-pointer:{pointer}]"


@dataclass(frozen=True)
class Text:
    """A string with a length."""

    longest: int
    shortest: int = 1

    def faults(self, value: Any, pointer: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield fault("must be a string", pointer)
        elif len(value) > self.longest:
            yield fault(f"must be less than {self.longest + 1} characters", pointer)
        elif len(value) < self.shortest:
            yield fault(f"must be more than {self.shortest - 1} characters", pointer)


@dataclass(frozen=True)
class Flag:
    def faults(self, value: Any, pointer: str) -> Iterator[str]:
        if not isinstance(value, bool):
            yield fault("must be a boolean", pointer)


@dataclass(frozen=True)
class Number:
    lowest: int = 0
    highest: int = 2**53

    def faults(self, value: Any, pointer: str) -> Iterator[str]:
        if isinstance(value, bool) or not isinstance(value, int):
            yield fault("must be an integer", pointer)
        elif not self.lowest <= value <= self.highest:
            yield fault(f"must be between {self.lowest} and {self.highest}", pointer)


@dataclass(frozen=True)
class Enum:
    allowed: tuple[str, ...]

    def faults(self, value: Any, pointer: str) -> Iterator[str]:
        if value not in self.allowed:
            yield fault(f"must be a valid enum value: {', '.join(self.allowed)}", pointer)


@dataclass(frozen=True)
class Items:
    """A list with a length, each item under one rule."""

    each: Rule
    most: int
    fewest: int = 1

    def faults(self, value: Any, pointer: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield fault("must be an array", pointer)
            return
        if len(value) > self.most:
            yield fault(f"no more than {self.most} items allowed", pointer)
        if len(value) < self.fewest:
            yield fault(f"no fewer than {self.fewest} items allowed", pointer)
        for index, item in enumerate(value):
            yield from self.each.faults(item, f"{pointer}/{index}")


@dataclass(frozen=True)
class Shape:
    """An object: the fields it must have, those it may have, and groups of which it needs at least one."""

    required: Mapping[str, Rule] = field(default_factory=dict)
    optional: Mapping[str, Rule] = field(default_factory=dict)
    one_of: tuple[str, ...] = ()

    def faults(self, value: Any, pointer: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield fault("must be an object", pointer)
            return
        for name in self.required:
            if value.get(name) is None:
                yield fault(f"missing required field: {name}", pointer)
        if self.one_of and not any(value.get(name) for name in self.one_of):
            yield fault(f"missing required field: {' or '.join(self.one_of)}", pointer)
        for name, inner in value.items():
            rule = self.required.get(name) or self.optional.get(name)
            if name == "type":
                continue
            if rule is None:
                yield fault(f"invalid additional property: {name}", pointer)
            elif inner is not None:
                yield from rule.faults(inner, f"{pointer}/{name}")


@dataclass(frozen=True)
class Typed:
    """An object whose ``type`` says which shape it must have."""

    shapes: Mapping[str, Rule]

    def faults(self, value: Any, pointer: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield fault("must be an object", pointer)
        elif "type" not in value:
            yield fault("missing required field: type", pointer)
        elif not isinstance(value["type"], str) or value["type"] not in self.shapes:
            yield fault(f"unsupported type: {value['type']}", f"{pointer}/type")
        else:
            yield from self.shapes[value["type"]].faults(value, pointer)


@dataclass(frozen=True)
class Anything:
    def faults(self, _value: Any, _pointer: str) -> Iterator[str]:
        yield from ()
