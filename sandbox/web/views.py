"""A person's open modal as a dialog's content."""

from sandbox.slack import View
from sandbox.web.blocks import blocks
from sandbox.web.html import Html, tag
from sandbox.web.mrkdwn import plain
from sandbox.web.reader import Reader


def modal(view: View | None, reader: Reader) -> Html:
    """Show the topmost view; without one the dialog is empty and stays closed."""
    if view is None:
        return Html("")
    content = view.content
    submit, close = content.get("submit"), content.get("close")
    buttons = [
        tag("button", plain(close["text"]) if close else "Close", type="button", data_act="close"),
        tag(
            "button",
            plain(submit["text"]),
            type="submit",
            class_="button primary",
            disabled=bool(content.get("submit_disabled")),
        )
        if submit
        else None,
    ]
    return tag(
        "form",
        tag(
            "header",
            tag("h2", plain(view.title), id="modal-title"),
            tag("button", "✕", type="button", aria_label="Close the dialog", data_act="close"),
        ),
        tag(
            "div",
            tag("p", view.notice or "", role="alert", class_="notice", hidden=view.notice is None),
            blocks(view.blocks, reader, view.errors),
            class_="modal-body",
        ),
        tag("footer", buttons, class_="dialog-buttons"),
        data_view=view.id,
        data_key=view.id,
    )
