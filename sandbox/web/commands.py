"""The slash commands that the app's manifest declares, with the hint that Slack shows beside them."""

import re
from dataclasses import dataclass

from bot.operations.manifest import socket_manifest
from sandbox.web.html import Html, tag

_COMMAND = re.compile(
    r"- command: (?P<name>/\S+)\n\s+description: (?P<description>.+)\n\s+usage_hint: (?P<usage>.+)"
)


@dataclass(frozen=True)
class SlashCommand:
    name: str
    usage: str
    description: str


def declared() -> list[SlashCommand]:
    """Read them from the manifest, whose plain shape needs no parser for YAML."""
    return [
        SlashCommand(found["name"], found["usage"].strip('"'), found["description"].strip('"'))
        for found in _COMMAND.finditer(socket_manifest())
    ]


def suggestions(commands: list[SlashCommand]) -> Html:
    """Show all; the page hides those that do not fit what is being typed."""
    rows = [
        tag(
            "button",
            tag("strong", command.name),
            " ",
            tag("span", command.usage, class_="usage"),
            tag("small", command.description),
            type="button",
            tabindex=-1,
            class_="suggestion",
            data_command=command.name,
        )
        for command in commands
    ]
    return tag("div", rows)
