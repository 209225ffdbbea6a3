"""The tables of Block Kit: which blocks and elements there are, their fields, and how long each may be."""

from sandbox.slack.schema import Anything, Enum, Flag, Items, Number, Rule, Shape, Text, Typed

ID = Text(255)
URL = Text(3000)


def text_object(longest: int, *kinds: str) -> Typed:
    """A text object of the given kinds (both when none is named)."""
    shapes: dict[str, Rule] = {
        "plain_text": Shape({"text": Text(longest)}, {"emoji": Flag()}),
        "mrkdwn": Shape({"text": Text(longest)}, {"verbatim": Flag()}),
    }
    return Typed({kind: shapes[kind] for kind in kinds or shapes})


def plain(longest: int) -> Typed:
    return text_object(longest, "plain_text")


CONFIRM = Shape(
    {"title": plain(100), "text": text_object(300), "confirm": plain(30), "deny": plain(30)},
    {"style": Enum(("primary", "danger"))},
)
OPTION = Shape(
    {"text": text_object(75), "value": Text(150)},
    {"description": text_object(75), "url": URL},
)
OPTION_GROUP = Shape({"label": plain(75), "options": Items(OPTION, 100)})
PLACEHOLDER = {"placeholder": plain(150)}
COMMON: dict[str, Rule] = {"action_id": ID, "confirm": CONFIRM, "focus_on_load": Flag()}
_MANY = {"max_selected_items": Number(1)}
_STATIC: dict[str, Rule] = {"options": Items(OPTION, 100), "option_groups": Items(OPTION_GROUP, 100)}

IMAGE_ELEMENT = Shape({"image_url": URL, "alt_text": Text(2000)})
BUTTON = Shape(
    {"text": plain(75)},
    {
        **COMMON,
        "value": Text(2000),
        "url": URL,
        "style": Enum(("primary", "danger")),
        "accessibility_label": Text(75),
    },
)
SINGLE_SELECTS: dict[str, Rule] = {
    "static_select": Shape(
        {}, {**COMMON, **PLACEHOLDER, **_STATIC, "initial_option": OPTION}, ("options", "option_groups")
    ),
    "external_select": Shape(
        {}, {**COMMON, **PLACEHOLDER, "min_query_length": Number(), "initial_option": OPTION}
    ),
    "users_select": Shape({}, {**COMMON, **PLACEHOLDER, "initial_user": Text(30)}),
    "conversations_select": Shape(
        {},
        {
            **COMMON,
            **PLACEHOLDER,
            "initial_conversation": Text(30),
            "default_to_current_conversation": Flag(),
            "response_url_enabled": Flag(),
            "filter": Anything(),
        },
    ),
}
MULTI_SELECTS: dict[str, Rule] = {
    "multi_static_select": Shape(
        {},
        {**COMMON, **PLACEHOLDER, **_MANY, **_STATIC, "initial_options": Items(OPTION, 100)},
        ("options", "option_groups"),
    ),
    "multi_users_select": Shape(
        {}, {**COMMON, **PLACEHOLDER, **_MANY, "initial_users": Items(Text(30), 1000)}
    ),
}
CHOICES: dict[str, Rule] = {
    "checkboxes": Shape({"options": Items(OPTION, 10)}, {**COMMON, "initial_options": Items(OPTION, 10)}),
    "radio_buttons": Shape({"options": Items(OPTION, 10)}, {**COMMON, "initial_option": OPTION}),
}
OVERFLOW = Shape({"options": Items(OPTION, 5)}, COMMON)
PLAIN_TEXT_INPUT = Shape(
    {},
    {
        **PLACEHOLDER,
        "action_id": ID,
        "focus_on_load": Flag(),
        "initial_value": Text(3000, 0),
        "multiline": Flag(),
        "min_length": Number(0, 3000),
        "max_length": Number(1, 3000),
        "dispatch_action_config": Anything(),
    },
)

ACTION_ELEMENTS = Typed({"button": BUTTON, "overflow": OVERFLOW, **SINGLE_SELECTS, **CHOICES})
ACCESSORIES = Typed({**ACTION_ELEMENTS.shapes, **MULTI_SELECTS, "image": IMAGE_ELEMENT})
INPUTS = Typed({"plain_text_input": PLAIN_TEXT_INPUT, **SINGLE_SELECTS, **MULTI_SELECTS, **CHOICES})

_STYLE = Shape({}, {"bold": Flag(), "italic": Flag(), "strike": Flag(), "code": Flag(), "underline": Flag()})
RICH_TEXT_ELEMENTS = Typed(
    {
        "text": Shape({"text": Text(12_000)}, {"style": _STYLE}),
        "link": Shape({"url": URL}, {"text": Text(3000), "style": _STYLE, "unsafe": Flag()}),
        "user": Shape({"user_id": Text(30)}, {"style": _STYLE}),
        "usergroup": Shape({"usergroup_id": Text(30)}, {"style": _STYLE}),
        "channel": Shape({"channel_id": Text(30)}, {"style": _STYLE}),
        "emoji": Shape(
            {"name": Text(100)}, {"unicode": Text(100), "style": _STYLE, "skin_tone": Number(1, 6)}
        ),
        "date": Shape(
            {"timestamp": Number(), "format": Text(255)}, {"url": URL, "fallback": Text(255), "style": _STYLE}
        ),
        "broadcast": Shape({"range": Enum(("here", "channel", "everyone"))}),
    }
)
_RICH_RUN = Items(RICH_TEXT_ELEMENTS, 1000, 0)
_RICH_SECTION = Shape({"elements": _RICH_RUN})
RICH_TEXT_PARTS = Typed(
    {
        "rich_text_section": _RICH_SECTION,
        "rich_text_quote": Shape({"elements": _RICH_RUN}, {"border": Number(0, 1)}),
        "rich_text_preformatted": Shape(
            {"elements": _RICH_RUN}, {"border": Number(0, 1), "language": Text(50)}
        ),
        "rich_text_list": Shape(
            {
                "style": Enum(("bullet", "ordered")),
                "elements": Items(Typed({"rich_text_section": _RICH_SECTION}), 1000),
            },
            {"indent": Number(0, 8), "offset": Number(), "border": Number(0, 1)},
        ),
    }
)

_BLOCK_ID = {"block_id": ID}
BLOCKS: dict[str, Rule] = {
    "section": Shape(
        {},
        {
            **_BLOCK_ID,
            "text": text_object(3000),
            "fields": Items(text_object(2000), 10),
            "accessory": ACCESSORIES,
            "expand": Flag(),
        },
        ("text", "fields"),
    ),
    "divider": Shape({}, _BLOCK_ID),
    "header": Shape({"text": plain(150)}, _BLOCK_ID),
    "context": Shape(
        {
            "elements": Items(
                Typed({**text_object(3000).shapes, "image": IMAGE_ELEMENT}),
                10,
            )
        },
        _BLOCK_ID,
    ),
    "actions": Shape({"elements": Items(ACTION_ELEMENTS, 25)}, _BLOCK_ID),
    "input": Shape(
        {"label": plain(2000), "element": INPUTS},
        {**_BLOCK_ID, "hint": plain(2000), "optional": Flag(), "dispatch_action": Flag()},
    ),
    "rich_text": Shape({"elements": Items(RICH_TEXT_PARTS, 1000)}, _BLOCK_ID),
    "image": Shape({"image_url": URL, "alt_text": Text(2000)}, {**_BLOCK_ID, "title": plain(2000)}),
    "markdown": Shape({"text": Text(12_000)}, _BLOCK_ID),
}
MODAL_ONLY_BLOCKS: dict[str, Rule] = {
    "alert": Shape({"text": text_object(200)}, {**_BLOCK_ID, "level": Text(20)})
}

MESSAGE_BLOCKS = Items(Typed(BLOCKS), 50, 0)
VIEW_BLOCKS = Items(Typed({**BLOCKS, **MODAL_ONLY_BLOCKS}), 100, 0)

_VIEW_COMMON: dict[str, Rule] = {
    "private_metadata": Text(3000, 0),
    "callback_id": Text(255, 0),
    "external_id": Text(255, 0),
}
VIEW = Typed(
    {
        "modal": Shape(
            {"title": plain(24), "blocks": VIEW_BLOCKS},
            {
                **_VIEW_COMMON,
                "submit": plain(24),
                "close": plain(24),
                "clear_on_close": Flag(),
                "notify_on_close": Flag(),
                "submit_disabled": Flag(),
            },
        ),
        "home": Shape({"blocks": Items(Typed(BLOCKS), 100, 0)}, _VIEW_COMMON),
    }
)
OPTIONS_ANSWER = Shape({}, {"options": Items(OPTION, 100, 0), "option_groups": Items(OPTION_GROUP, 100, 0)})
