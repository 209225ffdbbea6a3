"""A channel's key: what is stored of it, what Vibecode says about it, and why it may be of no use."""

from dataclasses import dataclass, field
from enum import StrEnum

from bot.domain.connection import PersonSession


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A channel's key; an application key comes with the session of the user who authorised it."""

    value: str = field(repr=False)
    session: str | None = field(default=None, repr=False)


class KeyFault(StrEnum):
    """Why a key, or what was entered as one, cannot stop workflows."""

    MANAGEMENT = "management"
    READ_ONLY = "read_only"
    NO_SCOPE = "no_scope"
    EXPIRED = "expired"
    NO_KEY = "no_key"
    NEEDS_SESSION = "needs_session"
    NEEDS_NO_SESSION = "needs_no_session"
    NO_TOKEN = "no_token"  # noqa: S105 -- names a fault


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What Vibecode says about a key; a listed scope does not prove that it works."""

    kind: str | None = None
    owner: str | None = None
    portal: str | None = None
    scopes: tuple[str, ...] | None = None
    access_mode: str | None = None
    #: Unix milliseconds; None when the key does not expire or Vibecode does not say.
    expires_at: int | None = None

    def faults(self, now: int) -> tuple[KeyFault, ...]:
        """Say what makes the key useless here; what Vibecode left out proves nothing."""
        found = {
            KeyFault.MANAGEMENT: self.kind is not None and "management" in self.kind,
            KeyFault.READ_ONLY: self.access_mode is not None and self.access_mode.upper() != "READWRITE",
            KeyFault.NO_SCOPE: self.scopes is not None and "bizproc" not in self.scopes,
            KeyFault.EXPIRED: self.expires_at is not None and self.expires_at <= now,
        }
        return tuple(fault for fault, there in found.items() if there)


@dataclass(frozen=True, slots=True)
class KeyReport:
    """What was found; ``problem`` is why the key cannot be used here: a KeyFault or a code of the error catalog."""

    facts: KeyFacts
    running: int | None = None
    problem: str | None = None
    status: int | None = None
    unreachable: bool = False
    """Nothing was learnt about the key: Vibecode did not answer as it should."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ChannelKey:
    """A channel's key as it is stored: sealed, with what may be shown of it."""

    team: str
    channel: str
    sealed_key: str
    sealed_session: str | None
    key_id: str
    """Names the key for pacing, the same in every channel that uses it; does not reveal it."""
    hint: str
    """The first 16 and the last 4 characters, as the platform itself shows a key."""
    set_by: str
    set_at: int


@dataclass(frozen=True, slots=True)
class OpenedKey:
    """A channel's key, opened for use, with the name under which its calls are paced."""

    key: ApiKey
    key_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyCard:
    """What may be told of a channel's key."""

    key: ChannelKey | None
    report: KeyReport | None
    """What Vibecode says of it now; None for an application's key of which this person has no session."""
    worked_at: int | None
    session: PersonSession | None
    address: str | None
    """Where a new one can be handed in."""
    at: int
    """When it was looked at."""

    @property
    def is_application(self) -> bool:
        return self.key is not None and self.key.hint.startswith(APPLICATION)


APPLICATION = "vibe_app_"
