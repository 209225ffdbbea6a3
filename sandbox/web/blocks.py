"""Block Kit as HTML, block by block."""

from collections.abc import Callable, Iterable, Mapping

from sandbox.slack.records import Json
from sandbox.web.elements import element, image, text_object
from sandbox.web.html import Html, join, tag
from sandbox.web.mrkdwn import plain, rendered
from sandbox.web.reader import Reader
from sandbox.web.rich_text import rich_text


def blocks(content: Iterable[Json], reader: Reader, errors: Mapping[str, str] | None = None) -> Html:
    """Show blocks one below the other; ``errors`` are a modal's, by block id."""
    return join(_block(block, reader, errors or {}) for block in content)


def _block(block: Json, reader: Reader, errors: Mapping[str, str]) -> Html:
    if block["type"] == "input":
        return _input(block, reader, errors.get(block["block_id"]))
    return _BLOCKS[block["type"]](block, reader)


def _section(block: Json, reader: Reader) -> Html:
    accessory = block.get("accessory")
    fields = [tag("div", text_object(field, reader)) for field in block.get("fields", [])]
    return tag(
        "div",
        tag(
            "div",
            tag("div", text_object(block["text"], reader), class_="text") if "text" in block else None,
            tag("div", fields, class_="fields") if fields else None,
            class_="section-text",
        ),
        element({**accessory, "block_id": block["block_id"]}, reader) if accessory else None,
        class_="block section",
    )


def _context(block: Json, reader: Reader) -> Html:
    parts = [
        image(item) if item["type"] == "image" else tag("span", text_object(item, reader))
        for item in block["elements"]
    ]
    return tag("div", parts, class_="block context")


def _actions(block: Json, reader: Reader) -> Html:
    parts = [element({**item, "block_id": block["block_id"]}, reader) for item in block["elements"]]
    return tag("div", parts, class_="block actions")


def _input(block: Json, reader: Reader, error: str | None) -> Html:
    """Show a labelled control, with its hint and what the bot found wrong tied to it."""
    block_id, item = block["block_id"], block["element"]
    field, hint_id, error_id = f"input-{block_id}", f"hint-{block_id}", f"error-{block_id}"
    hint = block.get("hint")
    described = " ".join(name for name, present in ((error_id, error), (hint_id, hint)) if present)
    grouped = item["type"] in {"checkboxes", "radio_buttons", "multi_static_select", "multi_users_select"}
    attributes: Json = {
        "id": field,
        "required": not block.get("optional") and (not grouped or item["type"] == "radio_buttons"),
        "aria_describedby": described or None,
        "aria_invalid": "true" if error else None,
    }
    if grouped:
        attributes["aria_labelledby"] = f"label-{block_id}"
        attributes["aria_invalid"] = None
    label = [
        plain(block["label"]["text"]),
        tag("span", " (optional)", class_="optional") if block.get("optional") else None,
    ]
    return tag(
        "div",
        tag("span", label, class_="label", id=f"label-{block_id}")
        if grouped
        else tag("label", label, class_="label", for_=field),
        element({**item, "block_id": block_id}, reader, label=block["label"]["text"], attributes=attributes),
        tag("p", error, id=error_id, class_="error") if error else None,
        tag("p", plain(hint["text"]), id=hint_id, class_="hint") if hint else None,
        class_="block input",
    )


def _picture(block: Json, _: Reader) -> Html:
    return tag("div", image(block), class_="block")


_BLOCKS: dict[str, Callable[[Json, Reader], Html]] = {
    "actions": _actions,
    "alert": lambda block, reader: tag(
        "div", text_object(block["text"], reader), class_=f"block alert {block.get('level', '')}"
    ),
    "context": _context,
    "divider": lambda _block, _reader: tag("hr", class_="block"),
    "header": lambda block, _: tag("h2", plain(block["text"]["text"]), class_="block header"),
    "image": _picture,
    "markdown": lambda block, reader: tag(
        "div", rendered(block["text"], reader), class_="block text markdown"
    ),
    "rich_text": lambda block, reader: tag("div", rich_text(block, reader), class_="block text"),
    "section": _section,
}
