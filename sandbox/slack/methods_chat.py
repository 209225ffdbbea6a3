"""The Web API's chat.* methods."""

import json
from typing import Any

from sandbox.slack.block_kit import parsed_blocks
from sandbox.slack.errors import SlackRefusal
from sandbox.slack.installation import Arguments, Backend
from sandbox.slack.records import Json
from sandbox.slack.workspace import Message

LONGEST_POST = 40_000
LONGEST_UPDATE = 4_000


def message_json(backend: Backend, message: Message) -> Json:
    """A message as Slack shows it to apps."""
    shown: Json = {"type": "message", "user": message.user, "text": message.text, "ts": message.ts}
    if message.user == backend.installation.bot_user:
        shown |= {"bot_id": backend.installation.bot_id, "app_id": backend.installation.app_id}
    shown |= {"team": backend.installation.team, "blocks": message.blocks}
    if message.thread_ts:
        shown["thread_ts"] = message.thread_ts
    if message.edited:
        shown["edited"] = {"user": message.user, "ts": message.edited}
    return shown


def post_message(backend: Backend, arguments: Arguments) -> Json:
    text, blocks = _content(arguments)
    channel = backend.writable_channel(arguments.required("channel"))
    message = backend.workspace.post(
        channel,
        text=text[:LONGEST_POST],
        blocks=blocks or [],
        user=backend.installation.bot_user,
        via="chat.postMessage",
        thread_ts=arguments.text("thread_ts") or None,
    )
    message.metadata = _json_argument(arguments, "metadata", "invalid_metadata_format")
    message.unfurl_links = _optional_flag(arguments, "unfurl_links")
    message.unfurl_media = _optional_flag(arguments, "unfurl_media")
    return {"channel": channel.id, "ts": message.ts, "message": message_json(backend, message)}


def update(backend: Backend, arguments: Arguments) -> Json:
    channel_id, ts = arguments.required("channel"), arguments.required("ts")
    text, blocks = _content(arguments)
    if len(text) > LONGEST_UPDATE:
        raise SlackRefusal("msg_too_long")
    message = _own_message(backend, channel_id, ts, "cant_update_message")
    window = backend.installation.edit_window_seconds
    if window is not None and backend.workspace.clock() - float(ts) > window:
        raise SlackRefusal("edit_window_closed")
    metadata = _json_argument(arguments, "metadata", "invalid_metadata_format")
    message.metadata = message.metadata if metadata is None else metadata
    backend.workspace.edit(message, text=text if arguments.get("text") is not None else None, blocks=blocks)
    shown = message_json(backend, message)
    return {"channel": channel_id, "ts": ts, "text": message.text, "message": shown}


def post_ephemeral(backend: Backend, arguments: Arguments) -> Json:
    text, blocks = _content(arguments)
    channel = backend.writable_channel(arguments.required("channel"))
    person = arguments.required("user")
    if person not in backend.workspace.members(channel):
        raise SlackRefusal("user_not_in_channel")
    message = backend.workspace.post(
        channel,
        text=text[:LONGEST_POST],
        blocks=blocks or [],
        user=backend.installation.bot_user,
        via="chat.postEphemeral",
        visible_to=person,
        thread_ts=arguments.text("thread_ts") or None,
    )
    return {"message_ts": message.ts}


def delete(backend: Backend, arguments: Arguments) -> Json:
    channel_id, ts = arguments.required("channel"), arguments.required("ts")
    backend.workspace.delete(_own_message(backend, channel_id, ts, "cant_delete_message"))
    return {"channel": channel_id, "ts": ts}


def get_permalink(backend: Backend, arguments: Arguments) -> Json:
    channel = backend.visible_channel(arguments.required("channel"))
    ts = arguments.required("message_ts")
    if backend.workspace.find_message(channel.id, ts) is None:
        raise SlackRefusal("message_not_found")
    domain = backend.installation.team_domain
    permalink = f"https://{domain}.slack.com/archives/{channel.id}/p{ts.replace('.', '')}"
    return {"channel": channel.id, "permalink": permalink}


def _content(arguments: Arguments) -> tuple[str, list[Json] | None]:
    blocks = parsed_blocks(arguments.get("blocks"))
    text = arguments.text("text")
    if not text.strip() and not blocks:
        raise SlackRefusal("no_text")
    return text, blocks


def _own_message(backend: Backend, channel_id: str, ts: str, refusal: str) -> Message:
    channel = backend.visible_channel(channel_id)
    if channel.archived:
        raise SlackRefusal("is_archived")
    message = backend.workspace.find_message(channel.id, ts)
    if message is None:
        raise SlackRefusal("message_not_found")
    if message.user != backend.installation.bot_user:
        raise SlackRefusal(refusal)
    return message


def _optional_flag(arguments: Arguments, name: str) -> bool | None:
    return None if arguments.get(name) is None else arguments.flag(name)


def _json_argument(arguments: Arguments, name: str, refusal: str) -> Any:
    value = arguments.get(name)
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            raise SlackRefusal(refusal) from None
    return value
