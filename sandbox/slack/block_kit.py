"""Slack's verdict on blocks, views and options: nothing when it takes them, else what is wrong and where."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from sandbox.slack.block_rules import MESSAGE_BLOCKS, OPTIONS_ANSWER, VIEW
from sandbox.slack.errors import SlackRefusal
from sandbox.slack.records import Json
from sandbox.slack.schema import fault


def block_faults(blocks: Any, pointer: str = "/blocks") -> list[str]:
    """What Slack would object to in a message's blocks."""
    found = list(MESSAGE_BLOCKS.faults(blocks, pointer))
    return found or list(_duplicate_ids(blocks, pointer))


def view_faults(view: Any, pointer: str = "/view") -> list[str]:
    """What Slack would object to in a modal or Home tab."""
    found = list(VIEW.faults(view, pointer))
    if found:
        return found
    has_input = any(block["type"] == "input" for block in view["blocks"])
    if view["type"] == "modal" and has_input and not view.get("submit"):
        found.append(fault("missing required field: submit", pointer))
    return [*found, *_duplicate_ids(view["blocks"], f"{pointer}/blocks")]


def option_faults(answer: Any) -> list[str]:
    """What Slack would object to in the answer to a request for options."""
    return list(OPTIONS_ANSWER.faults(answer, ""))


def parsed_blocks(value: Any) -> list[Json] | None:
    """The blocks of a call, also when they came as a JSON string. Raises SlackRefusal for invalid ones."""
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise SlackRefusal("invalid_blocks_format") from None
    if not isinstance(value, list):
        raise SlackRefusal("invalid_blocks_format")
    found = block_faults(value)
    if found:
        raise SlackRefusal("invalid_blocks", messages=found)
    return value


def parsed_view(value: Any, *, kind: str) -> Json:
    """The view of a call, also when it came as a JSON string. Raises SlackRefusal for an invalid one."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise SlackRefusal(
                "invalid_arguments", messages=[fault("must be a JSON object", "/view")]
            ) from None
    found = view_faults(value)
    if not found and value["type"] != kind:
        found = [fault(f"must be a valid enum value: {kind}", "/view/type")]
    if found:
        raise SlackRefusal("invalid_arguments", messages=found)
    view: Json = value
    return view


def _duplicate_ids(blocks: list[Json], pointer: str) -> Iterator[str]:
    counted = Counter(block["block_id"] for block in blocks if block.get("block_id"))
    for index, block in enumerate(blocks):
        where = f"{pointer}/{index}"
        if counted[block.get("block_id")] > 1:
            yield fault(f"`block_id` must be unique: {block['block_id']}", f"{where}/block_id")
        if block["type"] == "actions":
            actions = Counter(element.get("action_id") for element in block["elements"])
            for position, element in enumerate(block["elements"]):
                action_id = element.get("action_id")
                if action_id and actions[action_id] > 1:
                    yield fault(
                        f"`action_id` must be unique: {action_id}", f"{where}/elements/{position}/action_id"
                    )
