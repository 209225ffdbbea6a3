"""The sandbox refuses the blocks and views that Slack refuses, and says where they are wrong."""

import pytest

from sandbox.slack.block_kit import block_faults, option_faults, view_faults


def _text(length=5, kind="mrkdwn"):
    return {"type": kind, "text": "x" * length}


def _button(**changes):
    return {"type": "button", "text": _text(kind="plain_text"), "action_id": "go"} | changes


def _actions(*elements, **changes):
    return {"type": "actions", "elements": list(elements)} | changes


def _section(**changes):
    return {"type": "section", "text": _text()} | changes


def _options(count, length=3):
    return [{"text": _text(length, "plain_text"), "value": str(number)} for number in range(count)]


def _input(element, **changes):
    return {"type": "input", "label": _text(kind="plain_text"), "element": element} | changes


def _modal(*blocks, **changes):
    return {"type": "modal", "title": _text(kind="plain_text"), "blocks": list(blocks)} | changes


def _rich(*parts):
    return {"type": "rich_text", "elements": list(parts)}


RUN = [
    {"type": "text", "text": "a", "style": {"bold": True}},
    {"type": "link", "url": "https://example.com"},
    {"type": "user", "user_id": "U1"},
    {"type": "channel", "channel_id": "C1"},
    {"type": "emoji", "name": "wave"},
    {"type": "date", "timestamp": 1, "format": "{date}", "fallback": "then"},
]
CONFIRM = {"title": _text(kind="plain_text"), "text": _text(300), "confirm": _text(30, "plain_text")} | {
    "deny": _text(30, "plain_text"),
    "style": "danger",
}

ACCEPTED = [
    _section(text=_text(3000)),
    _section(fields=[_text(2000)] * 10),
    {"type": "section", "fields": [_text()]},
    _section(accessory=_button()),
    _section(accessory={"type": "multi_users_select", "action_id": "who"}),
    _section(accessory={"type": "overflow", "action_id": "more", "options": _options(5)}),
    {"type": "divider"},
    {"type": "header", "text": _text(150, "plain_text")},
    {"type": "context", "elements": [_text()] * 10},
    {
        "type": "context",
        "elements": [{"type": "image", "image_url": "https://example.com/a", "alt_text": "a"}],
    },
    _actions(*(_button(action_id=str(number)) for number in range(25))),
    _actions(_button(value="v" * 2000, text=_text(75, "plain_text"), style="danger", confirm=CONFIRM)),
    _actions({"type": "static_select", "action_id": "one", "options": _options(100, 75)}),
    _actions(
        {"type": "users_select", "action_id": "who"}, {"type": "conversations_select", "action_id": "where"}
    ),
    _input({"type": "plain_text_input", "action_id": "why", "max_length": 3000}),
    _input({"type": "checkboxes", "action_id": "which", "options": _options(10)}),
    _input({"type": "radio_buttons", "action_id": "which", "options": _options(10)}),
    _rich({"type": "rich_text_section", "elements": RUN}),
    _rich({"type": "rich_text_quote", "elements": RUN}, {"type": "rich_text_preformatted", "elements": RUN}),
    _rich(
        {
            "type": "rich_text_list",
            "style": "bullet",
            "elements": [{"type": "rich_text_section", "elements": RUN}],
        }
    ),
]

REFUSED = [
    (_section(text=_text(3001)), "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
    (_section(text=_text(0)), "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    (_section(text={"type": "mrkdwn"}), "missing required field: text [json-pointer:/blocks/0/text]"),
    (_section(text={"text": "a"}), "missing required field: type [json-pointer:/blocks/0/text]"),
    (_section(text="words"), "must be an object [json-pointer:/blocks/0/text]"),
    (
        _section(text={"type": "mrkdwn", "text": "a", "emoji": True}),
        "invalid additional property: emoji [json-pointer:/blocks/0/text]",
    ),
    ({"type": "section"}, "missing required field: text or fields [json-pointer:/blocks/0]"),
    (_section(fields=[_text()] * 11), "no more than 10 items allowed [json-pointer:/blocks/0/fields]"),
    (
        _section(fields=[_text(2001)]),
        "must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]",
    ),
    (_section(accessory={"type": "plain_text_input"}), "unsupported type: plain_text_input"),
    ({"type": "header", "text": _text()}, "unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]"),
    ({"type": "header", "text": _text(151, "plain_text")}, "must be less than 151 characters"),
    ({"type": "context", "elements": [_text()] * 11}, "no more than 10 items allowed"),
    ({"type": "context", "elements": []}, "no fewer than 1 items allowed"),
    ({"type": "paragraph"}, "unsupported type: paragraph [json-pointer:/blocks/0/type]"),
    ({}, "missing required field: type [json-pointer:/blocks/0]"),
    (_actions(*(_button(action_id=str(number)) for number in range(26))), "no more than 25 items allowed"),
    (_actions(_button(), _button()), "`action_id` must be unique: go"),
    (_actions(_button(value="v" * 2001)), "must be less than 2001 characters"),
    (_actions(_button(text=_text(76, "plain_text"))), "must be less than 76 characters"),
    (_actions(_button(style="warning")), "must be a valid enum value: primary, danger"),
    (_actions(_button(confirm=CONFIRM | {"text": _text(301)})), "must be less than 301 characters"),
    (_actions(_button(confirm=CONFIRM | {"deny": None})), "missing required field: deny"),
    (_actions(_button(action_id="a" * 256)), "must be less than 256 characters"),
    (_actions(_button(), block_id="b" * 256), "must be less than 256 characters"),
    (_actions({"type": "multi_users_select"}), "unsupported type: multi_users_select"),
    (_actions({"type": "static_select"}), "missing required field: options or option_groups"),
    (_actions({"type": "static_select", "options": _options(101)}), "no more than 100 items allowed"),
    (_actions({"type": "static_select", "options": _options(1, 76)}), "must be less than 76 characters"),
    (_actions({"type": "overflow", "options": _options(6)}), "no more than 5 items allowed"),
    (_input({"type": "checkboxes", "options": _options(11)}), "no more than 10 items allowed"),
    (_input(_button()), "unsupported type: button"),
    (_input({"type": "plain_text_input", "max_length": 3001}), "must be between 1 and 3000"),
    (_input({"type": "plain_text_input", "max_length": "9"}), "must be an integer"),
    (_input({"type": "plain_text_input", "multiline": "yes"}), "must be a boolean"),
    (_rich({"type": "rich_text_section", "elements": [{"type": "user"}]}), "missing required field: user_id"),
    (_rich({"type": "rich_text_section", "elements": [{"type": "text", "text": 5}]}), "must be a string"),
]


@pytest.mark.parametrize("block", ACCEPTED)
async def test_a_block_within_the_limits_is_accepted(block):
    """What is exactly at a limit is still fine."""
    assert [] == block_faults([block])


@pytest.mark.parametrize(("block", "fault"), REFUSED)
async def test_a_block_beyond_a_limit_is_refused(block, fault):
    """The first fault says in Slack's words what is wrong and where."""
    found = block_faults([block])

    assert found[0].startswith("[ERROR] ")
    assert fault in found[0]


async def test_a_message_has_at_most_fifty_blocks():
    """Views may have a hundred."""
    divider = {"type": "divider"}

    assert [] == block_faults([divider] * 50)
    assert ["[ERROR] no more than 50 items allowed [json-pointer:/blocks]"] == block_faults([divider] * 51)
    assert [] == view_faults(_modal(*[divider] * 100))
    assert ["[ERROR] no more than 100 items allowed [json-pointer:/view/blocks]"] == view_faults(
        _modal(*[divider] * 101)
    )


async def test_block_ids_are_unique_in_a_message():
    """Both places of a repeated block_id are named."""
    found = block_faults([_section(block_id="same"), _section(block_id="same")])

    assert ["/blocks/0/block_id]", "/blocks/1/block_id]"] == [fault.rpartition(":")[2] for fault in found]


@pytest.mark.parametrize(
    ("view", "fault"),
    [
        (
            _modal(title=_text(25, "plain_text")),
            "must be less than 25 characters [json-pointer:/view/title/text]",
        ),
        (_modal(submit=_text(25, "plain_text")), "must be less than 25 characters"),
        (_modal(callback_id="c" * 256), "must be less than 256 characters"),
        (_modal(private_metadata="p" * 3001), "must be less than 3001 characters"),
        (_modal(_input({"type": "plain_text_input"})), "missing required field: submit [json-pointer:/view]"),
        ({"type": "modal", "blocks": []}, "missing required field: title"),
        (
            {"type": "home", "title": _text(kind="plain_text"), "blocks": []},
            "invalid additional property: title",
        ),
        ({"type": "page"}, "unsupported type: page"),
        ([], "must be an object"),
    ],
)
async def test_a_view_beyond_a_limit_is_refused(view, fault):
    """Views are judged as strictly as messages."""
    assert fault in view_faults(view)[0]


async def test_an_alert_block_is_for_modals():
    """A message may not contain it."""
    alert = {"type": "alert", "text": _text(200)}

    assert [] == view_faults(_modal(alert))
    assert "unsupported type: alert" in block_faults([alert])[0]


async def test_suggested_options_have_limits_too():
    """A hundred options, or groups of them."""
    assert [] == option_faults({"options": _options(100)})
    assert [] == option_faults(
        {"option_groups": [{"label": _text(kind="plain_text"), "options": _options(2)}]}
    )
    assert "no more than 100" in option_faults({"options": _options(101)})[0]


@pytest.mark.parametrize("blocks", [None, "words", {}])
async def test_blocks_are_a_list(blocks):
    """Anything else is refused as a whole."""
    assert ["[ERROR] must be an array [json-pointer:/blocks]"] == block_faults(blocks)
