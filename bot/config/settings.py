"""The settings: the only place that reads the environment."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo
from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource, SettingsConfigDict

from bot.config.database_url import POSTGRES_SCHEMES, SQLITE_SCHEME, mistake_in, passwords_in
from bot.config.vault import AesVault, decode_keys
from bot.domain.errors import HaltbotError

S = TypeVar("S", bound=BaseSettings)

ENV = Path(".env")
ENV_ENCODING = "utf-8-sig"
"""UTF-8, whether it begins with a mark, as some editors write one, or not."""


class SettingsInvalid(HaltbotError):
    """The settings cannot be used; the message names each variable and what it needs, never a value."""


def _starts_with(prefix: str) -> AfterValidator:
    def check(value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(prefix):
            raise ValueError(f"must start with {prefix}")
        if value is not None and value.get_secret_value() == prefix:
            raise ValueError("is still the example's; put your own")
        return value

    return AfterValidator(check)


def _one_way_in(value: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
    # An app token that is wrong is not among the others: it was named already.
    if value is None and others.data.get("slack_app_token", "wrong") is None:
        raise ValueError(
            "set SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP): one of them is needed"
        )
    return value


def _encryption_keys(value: SecretStr | None) -> SecretStr | None:
    try:
        if value is not None:
            AesVault(decode_keys(value.get_secret_value()))
    except ValueError:
        raise ValueError(
            "must be base64 of 32 bytes each, separated by commas; make one with: openssl rand -base64 32"
        ) from None
    return value


def _address(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("must start with https:// (or http://)")
    return value


def _public(value: str) -> str:
    address = urlsplit(value)
    is_here = address.scheme == "http" and address.hostname in ("127.0.0.1", "::1", "localhost")
    is_safe = address.scheme == "https" or is_here
    if not is_safe or not address.hostname or address.query or address.fragment:
        raise ValueError("must start with https:// and be nothing but an address")
    return value


def _database(value: str) -> str:
    if mistake := mistake_in(value):
        raise ValueError(mistake)
    return value


def _owners(value: str) -> str:
    unknown = [name for name in _names(value) if not re.fullmatch(r"[UW][A-Z0-9]{2,30}", name)]
    if unknown:
        raise ValueError("must be ids of users, such as U0123ABCD, with commas between")
    return value


def _names(value: str) -> list[str]:
    return [name for name in re.split(r"[\s,]+", value) if name]


_SOURCE = SettingsConfigDict(
    env_file=ENV,
    env_file_encoding=ENV_ENCODING,
    extra="ignore",
    frozen=True,
    hide_input_in_errors=True,
    env_ignore_empty=True,
)

Address = Annotated[str, AfterValidator(_address)]
PublicAddress = Annotated[str, AfterValidator(_public)]
Database = Annotated[str, AfterValidator(_database), Field(repr=False)]
Owners = Annotated[str, AfterValidator(_owners)]
EncryptionKeys = Annotated[SecretStr | None, AfterValidator(_encryption_keys)]
Level = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(str.upper)]


class Settings(BaseSettings):
    """One field for each variable; a test keeps docs/settings.md equal to this class."""

    model_config = _SOURCE

    slack_bot_token: Annotated[SecretStr, _starts_with("xoxb-")] = Field(
        description="the bot's token, `xoxb-…`"
    )
    slack_app_token: Annotated[SecretStr | None, _starts_with("xapp-")] = Field(
        None, description="the app-level token, `xapp-…`; set = Socket Mode, unset = HTTP"
    )
    slack_signing_secret: Annotated[SecretStr | None, AfterValidator(_one_way_in)] = Field(
        None, validate_default=True, description="needed in HTTP mode"
    )
    slack_api_url: Address = Field("https://slack.com/api/", description="base of Slack's Web API")
    vibecode_api_url: Address = Field(
        "https://vibecode.bitrix24.tech", description="base of the Vibecode API"
    )
    vibecode_timeout_seconds: float = Field(
        8, gt=0, le=12, description="how long one Vibecode call may take; stays below the lease of 15 s"
    )
    vibecode_connect_seconds: float = Field(
        3, gt=0, le=10, description="how long a connection to Vibecode may take"
    )
    database_url: Database = Field("sqlite:///haltbot.db", description="`sqlite:///FILE` or `postgresql://…`")
    haltbot_encryption_keys: EncryptionKeys = Field(
        None,
        description="comma-separated base64 of 32 bytes each; the first encrypts, all decrypt. "
        "Unset with SQLite: a key file (0600) beside the database",
    )
    haltbot_confirmation_seconds: int = Field(
        300, ge=1, le=86_400, description="how long a confirmation stands"
    )
    haltbot_watch_seconds: int = Field(
        300,
        ge=0,
        le=86_400,
        description="how long a soft termination is watched before Haltbot says that it is still running"
        " and asks whether to force",
    )
    haltbot_soft_first: bool = Field(
        False,
        description="`true`: a force begins with the soft call, so that the reason reaches Bitrix24, and aborts"
        " only what is still there after HALTBOT_SOFT_FIRST_SECONDS",
    )
    haltbot_soft_first_seconds: int = Field(
        5, ge=1, le=300, description="how long a force that begins softly waits before it aborts"
    )
    haltbot_vibecode_rate: float = Field(
        5, gt=0, le=1000, description="calls per second per API key, shared by replicas"
    )
    haltbot_retention_days: int = Field(
        0,
        ge=0,
        le=36_500,
        description="ended terminations and audit lines older than this are deleted, once a day; 0 keeps everything",
    )
    haltbot_owners: Owners = Field(
        "",
        description="comma-separated ids of users who may configure every channel, whatever its settings say:"
        " the way in on the first day",
    )
    haltbot_host: str = Field("127.0.0.1", description="address of the HTTP listener")
    haltbot_port: int = Field(
        3000, ge=0, le=65_535, description="port of the HTTP listener: Slack in HTTP mode, health in both"
    )
    haltbot_public_url: PublicAddress | None = Field(
        None,
        description="where people's browsers reach this listener, `https://…`; set = keys are handed in and accounts"
        " connected on pages of Haltbot's own",
    )
    haltbot_log_level: Level = Field("INFO", description="`DEBUG`, `INFO`, `WARNING` or `ERROR`")

    def secrets(self) -> list[str]:
        """What must never be logged."""
        held = [value.get_secret_value() for _, value in self if isinstance(value, SecretStr)]
        return [*held, *passwords_in(self.database_url)]

    @property
    def owners(self) -> frozenset[str]:
        """Who may configure every channel."""
        return frozenset(_names(self.haltbot_owners))

    @property
    def socket_mode(self) -> bool:
        return self.slack_app_token is not None


class StorageSettings(BaseSettings):
    """The part of the settings that the command line's own commands need: no Slack token."""

    model_config = _SOURCE

    database_url: Database = "sqlite:///haltbot.db"
    haltbot_encryption_keys: EncryptionKeys = None
    vibecode_api_url: Address = "https://vibecode.bitrix24.tech"


class SetupSettings(StorageSettings):
    """What the guided setup needs: it is run before there is any token."""

    slack_api_url: Address = "https://slack.com/api/"


def load(kind: type[S]) -> S:
    """Read the settings. Raises SettingsInvalid with one line for each variable that is wrong."""
    try:
        # The library passes over a folder, as if there were no .env.
        if ENV.is_dir():
            raise SettingsInvalid(f"{ENV}: is a folder; it has to be a file")
        return kind()
    except ValidationError as invalid:
        lines = [_line(error) for error in invalid.errors(include_input=False)]
        raise SettingsInvalid("\n".join(lines)) from None
    except UnicodeDecodeError:
        raise SettingsInvalid(f"{ENV}: is not UTF-8 text; save it anew with that encoding") from None
    except OSError as unreadable:
        raise SettingsInvalid(f"{ENV}: cannot be read ({unreadable.strerror})") from None


def sqlite_path(database_url: str) -> Path | None:
    """Return the embedded database's file, None for PostgreSQL. Raises SettingsInvalid for anything else."""
    if mistake := mistake_in(database_url):
        raise SettingsInvalid(f"DATABASE_URL: {mistake}")
    if database_url.startswith(POSTGRES_SCHEMES):
        return None
    return Path(database_url.removeprefix(SQLITE_SCHEME))


def unknown_variables() -> list[str]:
    """Name what is set as HALTBOT_… in the environment or in .env and is no setting: a slip, most likely."""
    given = [*EnvSettingsSource(Settings).env_vars, *DotEnvSettingsSource(Settings).env_vars]
    return sorted(
        name.upper() for name in set(given) - set(Settings.model_fields) if name.startswith("haltbot_")
    )


_NEEDED = {
    "literal_error": "must be {expected}",
    "missing": "is not set; haltbot setup makes it",
    "bool_parsing": "must be true or false",
    "int_parsing": "must be a whole number",
    "float_parsing": "must be a number",
    "less_than_equal": "must be at most {le:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "greater_than": "must be more than {gt:g}",
}
"""What is needed, by the type of pydantic's error; our own validators say it themselves."""


def _line(error: Mapping[str, Any]) -> str:
    name = ".".join(str(part) for part in error["loc"]).upper()
    own = _NEEDED.get(error["type"])
    needed = own.format(**error.get("ctx", {})) if own else error["msg"].removeprefix("Value error, ")
    return f"{name}: {needed}" if name else needed
