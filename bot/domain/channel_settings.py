"""What a channel's settings are, and how they are read from what a person wrote or the database holds."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from bot.domain.errors import SettingsNotAccepted

# Every id of Slack's holds a digit, which tells it from a word that somebody typed in capitals.
USER = re.compile(r"[UW](?=.*[0-9])[A-Z0-9]{1,30}")
GROUP = re.compile(r"S(?=.*[0-9])[A-Z0-9]{1,30}")
TEAM = re.compile(r"[TE](?=.*[0-9])[A-Z0-9]{1,30}")
_PORTAL = re.compile(r"https://[A-Za-z0-9.-]+(:\d{1,5})?")
_MENTION = re.compile(r"<(?:@|!subteam\^)([A-Z0-9]+)(?:\|[^>]*)?>")


class Role(StrEnum):
    """What a person may be allowed in a channel."""

    SOFT = "soft"
    FORCE = "force"
    CONFIGURE = "configure"
    APPROVE = "approve"


class SecondPerson(StrEnum):
    """When a force needs somebody beside the requester."""

    OFF = "off"
    ALWAYS = "always"
    OUTSIDE_ON_CALL = "outside_on_call"


@dataclass(frozen=True, slots=True)
class Grant:
    """To whom a role is given; each entry adds people, and no entry means nobody."""

    everyone: bool = False
    """Everyone in the channel, guests and bots excepted."""
    admins: bool = False
    """The workspace's admins and owners."""
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    @property
    def words(self) -> list[str]:
        """The grant as it is written: ``everyone``, ``admins``, ids of users and user groups."""
        shared = [name for name, given in (("everyone", self.everyone), ("admins", self.admins)) if given]
        return [*shared, *self.groups, *self.users]


NOBODY, EVERYONE, ADMINS = Grant(), Grant(everyone=True), Grant(admins=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class ChannelSettings:
    """One channel's settings; each default is what holds where nobody set anything."""

    soft: Grant = EVERYONE
    force: Grant = EVERYONE
    configure: Grant = ADMINS
    approve: Grant = ADMINS
    second_person: SecondPerson = SecondPerson.OFF
    on_call: str | None = None
    """The user group whose members are on call."""
    break_glass: bool = False
    """The requester may force alone, loudly and with a reason, where a second person is needed."""
    force_needs_reason: bool = False
    type_last_four: bool = False
    """A force is confirmed by typing the end of the ID."""
    breaker_limit: int = 0
    """More terminations than this in ``breaker_minutes`` make a second person necessary; 0: never."""
    breaker_minutes: int = 10
    portal: str | None = None
    """The address of the channel's Bitrix24, for links to documents."""
    allowed_teams: tuple[str, ...] = ()
    """Other teams of a shared channel whose people may do here what the roles say."""
    breaker_until: int | None = None
    """State, in ms: until when the breaker makes a second person necessary."""
    breaker_since: int | None = None
    """State, in ms: what was terminated before is not counted any more."""
    shared_with: tuple[str, ...] = ()
    """State: the other teams that Slack said share the channel."""

    def grant(self, role: Role) -> Grant:
        """To whom a role is given."""
        grant: Grant = getattr(self, role)
        return grant

    def to_json(self) -> dict[str, Any]:
        """Everything that is not as by default, as JSON takes it."""
        return {
            field.name: _plain(getattr(self, field.name))
            for field in fields(self)
            if getattr(self, field.name) != field.default
        }

    def shown(self) -> dict[str, Any]:
        """Every setting, without the state, as it is written."""
        return {name: _plain(getattr(self, name)) for name in NAMES}

    def changed(self, changes: Mapping[str, Any]) -> "ChannelSettings":
        """Apply what a person wrote; None means the default. Raises SettingsNotAccepted, which names it."""
        for name in changes:
            if name not in NAMES:
                raise _unknown(name)
        return self.from_json(self.to_json() | dict(changes))

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "ChannelSettings":
        """Read settings strictly: what is not understood might have been a restriction.

        Raises SettingsNotAccepted.
        """
        read: dict[str, Any] = {}
        for name, value in values.items():
            reader = _READERS.get(name)
            if reader is None:
                raise _unknown(name)
            if value is None:
                continue
            try:
                read[name] = reader(value)
            except _Wrong as wrong:
                raise SettingsNotAccepted(name, wrong.fault, **wrong.values) from None
        settings = cls(**read)
        if settings.second_person is SecondPerson.OUTSIDE_ON_CALL and settings.on_call is None:
            raise SettingsNotAccepted("second_person", "on_call_missing")
        return settings


class _Wrong(Exception):
    """What a value needs; see SettingsNotAccepted."""

    def __init__(self, fault: str, **values: object) -> None:
        super().__init__(fault)
        self.fault = fault
        self.values = values


def _unknown(name: str) -> SettingsNotAccepted:
    return SettingsNotAccepted(name, "no_such_setting", names=", ".join(NAMES))


def _words(value: Any) -> list[str]:
    """Take a list, or one text with commas or spaces between its words; mentions stand for their ids."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise _Wrong("not_words")
    return [word for text in texts for word in re.split(r"[\s,]+", _MENTION.sub(r" \1 ", text)) if word]


def _grant(value: Any) -> Grant:
    words = _words(value)
    shared = {word.casefold() for word in words} & {"everyone", "admins", "nobody"}
    ids = [word for word in words if word.casefold() not in shared]
    unknown = [word for word in ids if not USER.fullmatch(word) and not GROUP.fullmatch(word)]
    if unknown:
        raise _Wrong("not_a_person", word=unknown[0][:40])
    if "nobody" in shared and (len(shared) > 1 or ids):
        raise _Wrong("nobody_and_others")
    return Grant(
        everyone="everyone" in shared,
        admins="admins" in shared,
        users=tuple(dict.fromkeys(word for word in ids if USER.fullmatch(word))),
        groups=tuple(dict.fromkeys(word for word in ids if GROUP.fullmatch(word))),
    )


def _second_person(value: Any) -> SecondPerson:
    # YAML reads a bare "off" as false.
    text = "off" if value is False else str(value).strip().casefold().replace(" ", "_").replace("-", "_")
    try:
        return SecondPerson(text)
    except ValueError:
        raise _Wrong("not_a_choice") from None


def _group(value: Any) -> str | None:
    words = _words(value)
    if not words:
        return None
    if len(words) > 1 or not GROUP.fullmatch(words[0]):
        raise _Wrong("not_a_group")
    return words[0]


def _switch(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().casefold()
    if text in ("true", "on", "yes"):
        return True
    if text in ("false", "off", "no"):
        return False
    raise _Wrong("not_a_switch")


def _number(lowest: int, highest: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        text = str(value).strip()
        if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,15}", text):
            raise _Wrong("not_a_number", lowest=lowest, highest=highest)
        number = int(text)
        if not lowest <= number <= highest:
            raise _Wrong("not_a_number", lowest=lowest, highest=highest)
        return number

    return read


def _portal(value: Any) -> str | None:
    text = str(value).strip().rstrip("/")
    if text and not _PORTAL.fullmatch(text):
        raise _Wrong("not_an_address")
    return text or None


def _teams(value: Any) -> tuple[str, ...]:
    words = _words(value)
    unknown = [word for word in words if not TEAM.fullmatch(word)]
    if unknown:
        raise _Wrong("not_a_team", word=unknown[0][:40])
    return tuple(dict.fromkeys(words))


def _plain(value: Any) -> Any:
    if isinstance(value, Grant):
        return value.words
    if isinstance(value, tuple):
        return list(value)
    return value.value if isinstance(value, StrEnum) else value


_READERS: dict[str, Callable[[Any], Any]] = {
    "soft": _grant,
    "force": _grant,
    "configure": _grant,
    "approve": _grant,
    "second_person": _second_person,
    "on_call": _group,
    "break_glass": _switch,
    "force_needs_reason": _switch,
    "type_last_four": _switch,
    "breaker_limit": _number(0, 1000),
    "breaker_minutes": _number(1, 1440),
    "portal": _portal,
    "allowed_teams": _teams,
    "breaker_until": _number(0, 10**15),
    "breaker_since": _number(0, 10**15),
    "shared_with": _teams,
}
STATE = ("breaker_until", "breaker_since", "shared_with")
"""What Haltbot itself keeps beside the settings; nobody sets it by hand."""
NAMES = tuple(name for name in _READERS if name not in STATE)
