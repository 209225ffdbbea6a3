"""Options that several commands share; an id is checked, since nobody would find what is stored under a name."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


_TEAM = re.compile(r"(E[A-Z0-9]+/)?T[A-Z0-9]+|E[A-Z0-9]+")
_CHANNEL = re.compile(r"[CGD][A-Z0-9]+")


def are_ids(team: str, channel: str) -> bool:
    """Tell whether these have the form of a workspace's and a channel's id."""
    return bool(_TEAM.fullmatch(team) and _CHANNEL.fullmatch(channel))


def channel_options(*, required: bool = True, channel: str = "The channel's id.") -> Callable[[F], F]:
    """Add ``--team`` and ``--channel``; ``channel`` is the help of the second one."""

    def add(command: F) -> F:
        help_team = "The workspace's id; E0123/T0123 in an organisation."
        team_option = click.option("--team", type=_team, required=required, metavar="T0123", help=help_team)
        return team_option(
            click.option("--channel", type=_channel, required=required, metavar="C0123", help=channel)(
                command
            )
        )

    return add


def _team(text: str) -> str:
    if not _TEAM.fullmatch(text):
        raise click.BadParameter(
            "needs the workspace's id, such as T0123ABCD, or E0123ABCD/T0123ABCD in an organisation"
        )
    return text


def _channel(text: str) -> str:
    if not _CHANNEL.fullmatch(text):
        raise click.BadParameter(
            "needs the channel's id, such as C0123ABCD (Slack: channel name → About → at the bottom), not its name"
        )
    return text
