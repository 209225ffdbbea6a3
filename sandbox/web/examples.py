"""Blocks to try out: a message with every kind of element, views, and one that Slack refuses."""

from typing import Any

Json = dict[str, Any]


def _text(words: str) -> Json:
    return {"type": "plain_text", "text": words}


def _mrkdwn(words: str) -> Json:
    return {"type": "mrkdwn", "text": words}


def _option(words: str, value: str) -> Json:
    return {"text": _text(words), "value": value}


_CONFIRM = {
    "title": _text("Are you sure?"),
    "text": _mrkdwn("This *cannot* be undone."),
    "confirm": _text("Yes, stop it"),
    "deny": _text("No"),
    "style": "danger",
}

_MESSAGE: list[Json] = [
    {"type": "header", "text": _text("Nightly report")},
    {
        "type": "section",
        "text": _mrkdwn("*Bold*, _italic_, ~struck~, `code` and <https://example.com|a link> :wave:"),
        "accessory": {"type": "button", "text": _text("Details"), "action_id": "details"},
    },
    {"type": "section", "fields": [_mrkdwn("*Template*\n713"), _mrkdwn("*Started by*\nRita")]},
    {"type": "section", "text": _mrkdwn("> quoted\n> twice\n```\ncode that\n  keeps its shape\n```")},
    {"type": "divider"},
    {
        "type": "rich_text",
        "elements": [
            {
                "type": "rich_text_list",
                "style": "bullet",
                "elements": [
                    {"type": "rich_text_section", "elements": [{"type": "text", "text": "first"}]},
                    {
                        "type": "rich_text_section",
                        "elements": [{"type": "text", "text": "second", "style": {"bold": True}}],
                    },
                ],
            },
            {"type": "rich_text_quote", "elements": [{"type": "text", "text": "as it was <typed>"}]},
        ],
    },
    {
        "type": "actions",
        "elements": [
            {"type": "button", "text": _text("Approve"), "style": "primary", "action_id": "approve"},
            {
                "type": "button",
                "text": _text("Stop"),
                "style": "danger",
                "action_id": "stop",
                "confirm": _CONFIRM,
            },
            {
                "type": "static_select",
                "placeholder": _text("Snooze"),
                "action_id": "snooze",
                "options": [_option("15 minutes", "15"), _option("1 hour", "60")],
            },
            {"type": "overflow", "action_id": "more", "options": [_option("Mute", "mute")]},
        ],
    },
    {"type": "context", "elements": [_mrkdwn("Seen <!date^1767225600^{date_short_pretty} at {time}|2026>")]},
]

_MODAL: Json = {
    "type": "modal",
    "callback_id": "example",
    "title": _text("Stop a workflow"),
    "submit": _text("Stop it"),
    "close": _text("Cancel"),
    "blocks": [
        {
            "type": "input",
            "block_id": "workflow",
            "label": _text("Workflow"),
            "hint": _text("Its ID, from the portal's list"),
            "element": {"type": "plain_text_input", "action_id": "id"},
        },
        {
            "type": "input",
            "block_id": "template",
            "optional": True,
            "label": _text("Template"),
            "element": {"type": "external_select", "action_id": "template", "min_query_length": 1},
        },
        {
            "type": "input",
            "block_id": "how",
            "label": _text("How"),
            "element": {
                "type": "radio_buttons",
                "action_id": "how",
                "initial_option": _option("Softly", "soft"),
                "options": [_option("Softly", "soft"), _option("By force", "force")],
            },
        },
        {
            "type": "input",
            "block_id": "reason",
            "optional": True,
            "label": _text("Reason"),
            "element": {"type": "plain_text_input", "action_id": "reason", "multiline": True},
        },
    ],
}

_HOME: Json = {
    "type": "home",
    "blocks": [
        {"type": "header", "text": _text("Your night so far")},
        {"type": "section", "text": _mrkdwn("Nothing is running away. :tada:")},
    ],
}

EXAMPLES: dict[str, list[Json] | Json] = {
    "A message with every element": _MESSAGE,
    "A message that Slack refuses": [{"type": "header", "text": _text("too long " * 20)}],
    "A modal": _MODAL,
    "A Home tab": _HOME,
}
