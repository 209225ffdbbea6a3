"""A modal between a person and the bot: what was filled in, and what the bot's answer does to it."""

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.slack import payloads
from sandbox.slack.block_kit import parsed_view
from sandbox.slack.errors import SlackRefusal
from sandbox.slack.installation import Backend
from sandbox.slack.methods_views import stack_view
from sandbox.slack.records import Json
from sandbox.slack.workspace import View


def filled_in(view: View, values: Mapping[str, Any]) -> Json:
    """The view's state once a person has entered ``values``, which are by action id or block id.

    Raises ValueError where Slack's client does not let a person submit, and LookupError for unknown inputs.
    """
    state: Json = {}
    unused = set(values)
    for block in view.blocks:
        if block["type"] != "input":
            continue
        element, block_id = block["element"], block["block_id"]
        action_id = element["action_id"]
        value = payloads.initial_choice(element)
        for name in (action_id, block_id):
            if name in values:
                value = values[name]
                unused.discard(name)
        _refuse_what_the_client_refuses(block, value)
        state[block_id] = {action_id: {"type": element["type"], **payloads.chosen(element, value)}}
    if unused:
        raise LookupError(f"the view has no inputs {sorted(unused)}")
    return state


def answerable_conversations(view: View) -> Iterator[tuple[str, str, str]]:
    """Block, action and channel id of each chosen conversation that the view asked a response address for."""
    for block in view.blocks:
        element = block.get("element", {})
        if element.get("response_url_enabled"):
            block_id, action_id = block["block_id"], element["action_id"]
            chosen = view.values[block_id][action_id]["selected_conversation"]
            if chosen:
                yield block_id, action_id, chosen


def answer_submission(backend: Backend, view: View, answer: Json) -> None:
    """Do with the open views what the acknowledgement of a submission says."""
    stack = backend.workspace.modals.get(view.person, [])
    action = answer.get("response_action")
    try:
        if action == "errors":
            _show_errors(view, answer.get("errors") or {})
        elif action == "update":
            backend.workspace.replace_view(view, parsed_view(answer.get("view"), kind="modal"))
        elif action == "push":
            stack_view(backend, view.person, parsed_view(answer.get("view"), kind="modal"))
        elif action == "clear":
            stack.clear()
        elif view in stack:
            stack.remove(view)
    except SlackRefusal as refusal:
        view.notice = " ".join([refusal.code, *refusal.messages])
    backend.workspace.changed("view_answered", view=view.id, person=view.person, action=action)


def _show_errors(view: View, errors: Json) -> None:
    input_blocks = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    unknown = set(errors) - input_blocks
    if unknown or not errors:
        raise SlackRefusal("invalid_errors", messages=[f"no input block is named {sorted(unknown)}"])
    view.errors = dict(errors)


def _refuse_what_the_client_refuses(block: Json, value: Any) -> None:
    element = block["element"]
    if not value and not block.get("optional"):
        raise ValueError(f"{block['label']['text']!r} must be filled in")
    if element["type"] == "plain_text_input" and value:
        shortest, longest = element.get("min_length", 0), element.get("max_length", 3000)
        if not shortest <= len(value) <= longest:
            raise ValueError(f"{block['label']['text']!r} takes {shortest} to {longest} characters")
