"""What can be pressed, chosen or typed into, as HTML; ``data-`` attributes tell the page what to send."""

from collections.abc import Callable, Iterable
from typing import Any

from sandbox.slack.payloads import initial_choice
from sandbox.slack.records import Json
from sandbox.web.html import Html, join, tag
from sandbox.web.mrkdwn import plain, rendered
from sandbox.web.reader import Reader

LONGEST_INPUT = 3000


def text_object(text: Json, reader: Reader) -> Html:
    """Show a text object of either kind."""
    if text["type"] == "plain_text":
        return Html("<br>".join(plain(line) for line in text["text"].split("\n")))
    return rendered(text["text"], reader, verbatim=bool(text.get("verbatim")))


def element(item: Json, reader: Reader, *, label: str = "", attributes: Json | None = None) -> Html:
    """Show one interactive element; ``attributes`` are for the control of an input block."""
    show = _ELEMENTS.get(item["type"])
    if show is None:
        return tag("span", f"({item['type']})", class_="unknown")
    return show(item, reader, label or _label(item), attributes or {})


def image(item: Json) -> Html:
    """Stand in for a picture: the page asks no other host for anything."""
    return tag("span", item["alt_text"], class_="picture", role="img", aria_label=item["alt_text"])


def confirm_template(item: Json, reader: Reader) -> Html | None:
    """Keep the question that an element asks first, for the page to open as a dialog."""
    confirm = item.get("confirm")
    if not confirm:
        return None
    style = "primary" if confirm.get("style", "primary") == "primary" else "danger"
    dialog = tag(
        "dialog",
        tag("h2", plain(confirm["title"]["text"]), id="confirm-title"),
        tag("div", text_object(confirm["text"], reader), class_="text"),
        tag(
            "div",
            tag("button", plain(confirm["deny"]["text"]), type="button", value="deny"),
            tag("button", plain(confirm["confirm"]["text"]), type="button", value="confirm", class_=style),
            class_="dialog-buttons",
        ),
        class_="dialog confirm",
        aria_labelledby="confirm-title",
    )
    return tag("template", dialog, class_="confirm-template")


def people_options(reader: Reader, chosen: Iterable[str] = ()) -> list[Html]:
    picked = set(chosen)
    return [
        tag("option", person.name, value=person.id, selected=person.id in picked)
        for person in reader.workspace.people.values()
    ]


def _label(item: Json) -> str:
    placeholder = item.get("placeholder", {}).get("text")
    return str(item.get("accessibility_label") or placeholder or item["action_id"])


def _hooks(item: Json) -> dict[str, Any]:
    return {"data_action": item["action_id"], "data_block": item.get("block_id")}


def _button(item: Json, reader: Reader, _label_text: str, attributes: Json) -> Html:
    made = tag(
        "button",
        plain(item["text"]["text"]),
        type="button",
        class_=f"button {item.get('style', '')}".strip(),
        aria_label=item.get("accessibility_label"),
        data_act="click",
        data_url=item.get("url") if str(item.get("url", "")).startswith(("http://", "https://")) else None,
        **_hooks(item),
        **attributes,
    )
    return join(made, confirm_template(item, reader))


def _select(item: Json, reader: Reader, label: str, attributes: Json, options: list[Html]) -> Html:
    placeholder = item.get("placeholder", {}).get("text", "Choose…")
    made = tag(
        "select",
        tag("option", placeholder, value=""),
        options,
        class_="select",
        aria_label=None if "id" in attributes else label,
        data_act=None if "id" in attributes else "choose",
        **_hooks(item),
        **attributes,
    )
    return join(made, confirm_template(item, reader))


def _static_select(item: Json, reader: Reader, label: str, attributes: Json) -> Html:
    chosen = (item.get("initial_option") or {}).get("value")

    def shown(options: list[Json]) -> list[Html]:
        return [
            tag(
                "option",
                plain(option["text"]["text"]),
                value=option["value"],
                selected=option["value"] == chosen,
            )
            for option in options
        ]

    groups = [
        tag("optgroup", shown(group["options"]), label=group["label"]["text"])
        for group in item.get("option_groups", [])
    ]
    return _select(item, reader, label, attributes, [*shown(item.get("options", [])), *groups])


def _users_select(item: Json, reader: Reader, label: str, attributes: Json) -> Html:
    return _select(item, reader, label, attributes, people_options(reader, [item.get("initial_user", "")]))


def _conversations_select(item: Json, reader: Reader, label: str, attributes: Json) -> Html:
    chosen = item.get("initial_conversation")
    options = [
        tag("option", f"#{channel.name}", value=channel.id, selected=channel.id == chosen)
        for channel in reader.workspace.channels.values()
        if not channel.dm
    ]
    return _select(item, reader, label, attributes, options)


def _external_select(item: Json, _reader: Reader, label: str, attributes: Json) -> Html:
    """Show a field whose options the bot is asked for while somebody types."""
    chosen = item.get("initial_option") or {}
    listbox = f"options-{item.get('block_id')}-{item['action_id']}"
    field = tag(
        "input",
        type="text",
        role="combobox",
        autocomplete="off",
        aria_autocomplete="list",
        aria_expanded="false",
        aria_controls=listbox,
        aria_label=None if "id" in attributes else label,
        placeholder=item.get("placeholder", {}).get("text", "Type to search…"),
        value=chosen.get("text", {}).get("text", ""),
        data_value=chosen.get("value"),
        data_shortest=item.get("min_query_length", 3),
        data_acts=None if "id" in attributes else "choose",
        **_hooks(item),
        **attributes,
    )
    options = tag("ul", role="listbox", id=listbox, aria_label=label, hidden=True, data_keep=True)
    return tag("span", field, options, class_="combobox")


def _choices(item: Json, reader: Reader, label: str, attributes: Json) -> Html:
    """Show radio buttons, checkboxes and menus with several choices as what they are: a group of boxes."""
    kind = "radio" if item["type"] == "radio_buttons" else "checkbox"
    initial = initial_choice(item) or []
    chosen = {
        one["value"] if isinstance(one, dict) else one
        for one in ([initial] if isinstance(initial, dict) else initial)
    }
    inside = "id" in attributes
    required = inside and kind == "radio" and attributes.get("required")
    rows = [
        tag(
            "label",
            tag(
                "input",
                type=kind,
                name=f"{item.get('block_id')}.{item['action_id']}",
                value=option["value"],
                checked=option["value"] in chosen,
                required=required,
                data_act=None if inside else "choose",
                **_hooks(item),
            ),
            tag("span", text_object(option["text"], reader)),
            tag("small", text_object(option["description"], reader)) if "description" in option else None,
            class_="choice",
        )
        for option in _all_options(item, reader)
    ]
    group = {key: value for key, value in attributes.items() if key != "required"}
    role = "radiogroup" if kind == "radio" else "group"
    return tag("div", rows, class_="choices", role=role, aria_label=None if inside else label, **group)


def _all_options(item: Json, reader: Reader) -> list[Json]:
    if item["type"] == "multi_users_select":
        return [
            {"text": {"type": "plain_text", "text": person.name}, "value": person.id}
            for person in reader.workspace.people.values()
        ]
    groups: list[Json] = item.get("option_groups", [])
    return [*item.get("options", []), *(option for group in groups for option in group["options"])]


def _overflow(item: Json, reader: Reader, _label_text: str, _attributes: Json) -> Html:
    options = [
        tag(
            "button",
            text_object(option["text"], reader),
            type="button",
            value=option["value"],
            data_act="choose",
            **_hooks(item),
        )
        for option in item["options"]
    ]
    summary = tag("summary", "⋯", aria_label="More actions", class_="button")
    return tag("details", summary, tag("div", options, class_="menu"), class_="overflow")


def _text_input(item: Json, _reader: Reader, label: str, attributes: Json) -> Html:
    common: Json = {
        "placeholder": item.get("placeholder", {}).get("text"),
        "minlength": item.get("min_length"),
        "maxlength": item.get("max_length", LONGEST_INPUT),
        "aria_label": None if "id" in attributes else label,
        **_hooks(item),
        **attributes,
    }
    if item.get("multiline"):
        return tag("textarea", item.get("initial_value"), rows=4, **common)
    return tag("input", type="text", autocomplete="off", value=item.get("initial_value"), **common)


_ELEMENTS: dict[str, Callable[[Json, Reader, str, Json], Html]] = {
    "button": _button,
    "checkboxes": _choices,
    "conversations_select": _conversations_select,
    "external_select": _external_select,
    "image": lambda item, *_: image(item),
    "multi_static_select": _choices,
    "multi_users_select": _choices,
    "overflow": _overflow,
    "plain_text_input": _text_input,
    "radio_buttons": _choices,
    "static_select": _static_select,
    "users_select": _users_select,
}
