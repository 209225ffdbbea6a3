"""The arguments that name a channel, checked: a name in place of an id would be found by nobody."""

import argparse
import re

_TEAM = re.compile(r"(E[A-Z0-9]+/)?T[A-Z0-9]+|E[A-Z0-9]+")
_CHANNEL = re.compile(r"[CGD][A-Z0-9]+")


def add_place(
    parser: argparse.ArgumentParser, *, channel: str = "the channel's id", required: bool = True
) -> argparse.ArgumentParser:
    """Add ``--team`` and ``--channel``; ``channel`` explains the second one."""
    team = "the workspace's id; E0123/T0123 in an organisation"
    parser.add_argument("--team", required=required, type=_team, metavar="T0123", help=team)
    parser.add_argument("--channel", required=required, type=_channel, metavar="C0123", help=channel)
    return parser


def is_place(team: str, channel: str) -> bool:
    """Tell whether these are the ids of a workspace and of a channel, by their looks."""
    return bool(_TEAM.fullmatch(team) and _CHANNEL.fullmatch(channel))


def _team(text: str) -> str:
    if not _TEAM.fullmatch(text):
        raise argparse.ArgumentTypeError(
            "needs the workspace's id, such as T0123ABCD, or E0123ABCD/T0123ABCD in an organisation"
        )
    return text


def _channel(text: str) -> str:
    if not _CHANNEL.fullmatch(text):
        raise argparse.ArgumentTypeError(
            "needs the channel's id, such as C0123ABCD (Slack: channel name → About → at the bottom), not its name"
        )
    return text
