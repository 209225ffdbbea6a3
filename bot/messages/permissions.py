"""Names people and what they may do."""

from collections.abc import Sequence

from bot.domain.channel_settings import GROUP, Role
from bot.messages.language import N_, _, listed


def people(words: Sequence[str]) -> str:
    """Name those to whom a role is given; stands behind a colon or as a value, so that no grammar hangs on it."""
    return listed([_named(word) for word in words]) or _("nobody")


NEEDED = N_(
    {
        Role.SOFT: "To stop a workflow in this channel you need the role *soft*.",
        Role.FORCE: "To force-terminate a workflow in this channel you need the role *force*.",
        Role.CONFIGURE: "To change Haltbot's settings in this channel you need the role *configure*.",
        Role.APPROVE: "To approve in this channel you need the role *approve*.",
    }
)
"""Which role somebody lacks, and for what."""


def _named(word: str) -> str:
    match word:
        case "everyone":
            return _("everyone in this channel")
        case "admins":
            return _("the workspace's admins")
        case id_:
            return f"<!subteam^{id_}>" if GROUP.fullmatch(id_) else f"<@{id_}>"
