"""A conversation as one person sees it: messages, private ones too, and what went wrong on the way."""

from collections.abc import Iterable
from dataclasses import dataclass

from sandbox.slack import Channel, Message, View
from sandbox.web.blocks import blocks
from sandbox.web.html import Html, join, tag
from sandbox.web.mrkdwn import rendered
from sandbox.web.reader import SLACKBOT, Reader


@dataclass(frozen=True)
class Note:
    """A refused call of the bot: no person in Slack would see it, so it is shown as the sandbox's own word."""

    at: float
    channel: str
    method: str
    error: str
    details: tuple[str, ...] = ()


def conversation(
    channel: Channel, messages: Iterable[Message], notes: Iterable[Note], reader: Reader
) -> Html:
    """Show what this reader sees of a channel, oldest first."""
    shown = [
        (float(message.ts), _message(message, reader))
        for message in messages
        if message.channel == channel.id and message.visible_to in {None, reader.person.id}
    ]
    shown += [(note.at, _note(note, reader)) for note in notes if note.channel == channel.id]
    shown.sort(key=lambda pair: pair[0])
    if shown:
        return join(html for _, html in shown)
    return tag(
        "p", "Nothing here yet. Type ", tag("kbd", "/"), " below to see the bot's command.", class_="empty"
    )


def may_see(channel: Channel, reader: Reader) -> bool:
    return reader.person.id in reader.workspace.members(channel)


def home(view: View | None, reader: Reader) -> Html:
    """Show the Home tab that the bot published for this person."""
    if view is None:
        return tag("p", "Haltbot has not published a Home tab for you.", class_="empty")
    return tag("div", blocks(view.blocks, reader), data_view=view.id, class_="home")


def _message(message: Message, reader: Reader) -> Html:
    name = reader.user_name(message.user)
    is_bot = message.user == reader.workspace.bot_user
    when = reader.time_of(float(message.ts))
    body = (
        blocks(message.blocks, reader)
        if message.blocks
        else tag("div", rendered(message.text, reader), class_="block text")
    )
    return tag(
        "article",
        tag("div", initial(name), class_=f"avatar {_colour(message.user, reader)}", aria_hidden="true"),
        tag(
            "div",
            tag("p", "Only visible to you", class_="private") if message.visible_to else None,
            tag(
                "p",
                tag("strong", name, class_="author"),
                tag("span", "APP", class_="app") if is_bot or message.user == SLACKBOT else None,
                tag("time", when),
                tag("span", "(edited)", class_="edited") if message.edited else None,
                class_="byline",
            ),
            body,
            class_="message-body",
        ),
        class_="message ephemeral" if message.visible_to else "message",
        aria_label=f"{name}, {when}",
        data_key=f"{message.channel}-{message.ts}",
        data_channel=message.channel,
        data_ts=message.ts,
    )


def _note(note: Note, reader: Reader) -> Html:
    details = tag("ul", [tag("li", detail) for detail in note.details]) if note.details else None
    return tag(
        "aside",
        tag(
            "p",
            tag("strong", "Nobody sees this in Slack: "),
            "the bot's ",
            tag("code", note.method),
            " was refused with ",
            tag("code", note.error),
            " at ",
            reader.time_of(note.at, with_seconds=True),
        ),
        details,
        class_="note",
        aria_label=f"{note.method} refused",
        data_key=f"note-{note.at}",
    )


def initial(name: str) -> str:
    return name[:1].upper()


def _colour(user: str, reader: Reader) -> str:
    if user == reader.workspace.bot_user:
        return "bot"
    return colour(user)


def colour(user: str) -> str:
    """Give each person one of a few colours, always the same."""
    return f"colour-{sum(user.encode()) % 6}"
