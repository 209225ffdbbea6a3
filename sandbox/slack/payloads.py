"""What Slack tells a bot when a person does something: the payloads, field by field."""

import secrets
from typing import Any

from sandbox.slack.installation import Backend
from sandbox.slack.methods_chat import message_json
from sandbox.slack.methods_views import view_json
from sandbox.slack.records import Json
from sandbox.slack.workspace import Channel, Message, Person, View


def command(
    backend: Backend,
    person: Person,
    channel: Channel,
    *,
    name: str,
    text: str,
    trigger_id: str,
    response_url: str,
) -> dict[str, str]:
    """The form fields of a slash command; all are strings."""
    installed = backend.installation
    return {
        "token": installed.verification_token,
        "team_id": installed.team,
        "team_domain": installed.team_domain,
        "channel_id": channel.id,
        "channel_name": channel.name_in_payloads,
        "user_id": person.id,
        "user_name": person.name,
        "command": name,
        "text": text,
        "api_app_id": installed.app_id,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": trigger_id,
    }


def interaction(backend: Backend, person: Person, kind: str) -> Json:
    """What all interactive payloads have in common."""
    installed = backend.installation
    return {
        "type": kind,
        "team": {"id": installed.team, "domain": installed.team_domain},
        "user": {"id": person.id, "username": person.name, "name": person.name, "team_id": person.team},
        "api_app_id": installed.app_id,
        "token": installed.verification_token,
        "enterprise": None,
        "is_enterprise_install": False,
    }


def place(backend: Backend, source: Message | View) -> Json:
    """Where an interaction happened: the container, and the message with its channel or the view."""
    if isinstance(source, View):
        return {"container": {"type": "view", "view_id": source.id}, "view": view_json(backend, source)}
    channel = backend.workspace.channels[source.channel]
    container: Json = {
        "type": "message",
        "message_ts": source.ts,
        "channel_id": channel.id,
        "is_ephemeral": source.visible_to is not None,
    }
    if source.thread_ts:
        container["thread_ts"] = source.thread_ts
    where: Json = {"container": container, "channel": {"id": channel.id, "name": channel.name_in_payloads}}
    # Slack does not repeat a message that only one person saw.
    if source.visible_to is None:
        where["message"] = message_json(backend, source)
    return where


def action(element: Json, choice: Any, action_ts: str) -> Json:
    """What a press of a button or a choice in a menu adds to ``actions``."""
    shown: Json = {
        key: element[key]
        for key in ("type", "action_id", "block_id", "style", "confirm", "placeholder")
        if key in element
    }
    shown["action_ts"] = action_ts
    if element["type"] == "button":
        shown["text"] = element["text"]
        shown |= {key: element[key] for key in ("value", "url") if key in element}
        return shown
    return shown | chosen(element, choice)


def chosen(element: Json, choice: Any) -> Json:
    """How Slack writes down what a person typed or chose.

    Raises LookupError for a choice that is not offered.
    """
    kind = element["type"]
    if kind == "plain_text_input":
        return {"value": choice or None}
    if kind == "users_select":
        return {"selected_user": choice}
    if kind == "multi_users_select":
        return {"selected_users": list(choice or [])}
    if kind == "conversations_select":
        return {"selected_conversation": choice}
    if kind in {"multi_static_select", "checkboxes"}:
        return {"selected_options": [_option(element, value) for value in choice or []]}
    return {"selected_option": None if choice is None else _option(element, choice)}


def initial_choice(element: Json) -> Any:
    """What an input holds before a person touches it."""
    for name in ("initial_value", "initial_user", "initial_users", "initial_conversation"):
        if name in element:
            return element[name]
    if "initial_option" in element:
        return element["initial_option"]
    return element.get("initial_options")


def event(backend: Backend, kind: str, fields: Json) -> Json:
    """The envelope of the Events API."""
    installed = backend.installation
    ts = backend.workspace.new_ts()
    authorization = {
        "enterprise_id": None,
        "team_id": installed.team,
        "user_id": installed.bot_user,
        "is_bot": True,
        "is_enterprise_install": False,
    }
    return {
        "token": installed.verification_token,
        "team_id": installed.team,
        "api_app_id": installed.app_id,
        "event": {"type": kind, "event_ts": ts, **fields},
        "type": "event_callback",
        "event_id": f"Ev{secrets.token_hex(5).upper()}",
        "event_time": int(float(ts)),
        "authorizations": [authorization],
        "is_ext_shared_channel": False,
        "event_context": secrets.token_urlsafe(12),
    }


def _option(element: Json, choice: Any) -> Json:
    if isinstance(choice, dict):
        return choice
    groups: list[Json] = element.get("option_groups", [])
    options: list[Json] = [
        *element.get("options", []),
        *(item for group in groups for item in group["options"]),
    ]
    for option in options:
        if option["value"] == choice:
            return option
    if element["type"] == "external_select":
        return {"text": {"type": "plain_text", "text": str(choice)}, "value": str(choice)}
    raise LookupError(f"{choice!r} is not offered; there are {[option['value'] for option in options]}")
