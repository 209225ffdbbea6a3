"""The settings: the only place that reads the environment."""

from pathlib import Path
from typing import Annotated, Self, TypeVar

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.errors import HaltbotError

S = TypeVar("S", bound=BaseSettings)

SQLITE_SCHEME = "sqlite:///"


class SettingsInvalid(HaltbotError):
    """The settings cannot be used; the message names each variable and what it needs, never a value."""


def _starts_with(prefix: str) -> AfterValidator:
    def check(value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(prefix):
            raise ValueError(f"must start with {prefix}")
        return value

    return AfterValidator(check)


class Settings(BaseSettings):
    """One field for each variable; README's table of settings is kept equal to this class by a test."""

    model_config = SettingsConfigDict(
        env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True, env_ignore_empty=True
    )

    slack_bot_token: Annotated[SecretStr, _starts_with("xoxb-")] = Field(
        description="the bot's token, `xoxb-…`"
    )
    slack_app_token: Annotated[SecretStr | None, _starts_with("xapp-")] = Field(
        None, description="the app-level token, `xapp-…`; set = Socket Mode, unset = HTTP"
    )
    slack_signing_secret: SecretStr | None = Field(None, description="needed in HTTP mode")
    slack_api_url: str = Field("https://slack.com/api/", description="base of Slack's Web API")
    vibecode_api_url: str = Field("https://vibecode.bitrix24.tech", description="base of the Vibecode API")
    vibecode_timeout_seconds: float = Field(
        8, gt=0, le=12, description="how long one Vibecode call may take; stays below the lease of 15 s"
    )
    vibecode_connect_seconds: float = Field(
        3, gt=0, le=10, description="how long a connection to Vibecode may take"
    )
    database_url: str = Field("sqlite:///haltbot.db", description="`sqlite:///FILE` or `postgresql://…`")
    haltbot_encryption_keys: SecretStr | None = Field(
        None,
        description="comma-separated base64 of 32 bytes each; the first encrypts, all decrypt. "
        "Unset with SQLite: a key file (0600) beside the database",
    )
    haltbot_confirmation_seconds: int = Field(
        300, ge=5, le=86_400, description="how long a confirmation stands"
    )
    haltbot_watch_seconds: int = Field(
        300,
        ge=0,
        le=86_400,
        description="how long a soft termination is watched before escalation is offered",
    )
    haltbot_vibecode_rate: float = Field(
        5, gt=0, le=1000, description="calls per second per API key, shared by replicas"
    )
    haltbot_host: str = Field("127.0.0.1", description="address of the HTTP listener")
    haltbot_port: int = Field(
        3000, ge=0, le=65_535, description="port of the HTTP listener: Slack in HTTP mode, health in both"
    )
    haltbot_log_level: str = Field("INFO", description="`DEBUG`, `INFO`, `WARNING` or `ERROR`")

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if self.slack_app_token is None and self.slack_signing_secret is None:
            raise ValueError(
                "set SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP): one of them is needed"
            )
        return self

    def secrets(self) -> list[str]:
        """What must never be logged."""
        held = (
            self.slack_bot_token,
            self.slack_app_token,
            self.slack_signing_secret,
            self.haltbot_encryption_keys,
        )
        return [secret.get_secret_value() for secret in held if secret is not None]

    @property
    def socket_mode(self) -> bool:
        return self.slack_app_token is not None


class StorageSettings(BaseSettings):
    """The part of the settings that the command line's own commands need: no Slack token."""

    model_config = SettingsConfigDict(
        env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True, env_ignore_empty=True
    )

    database_url: str = "sqlite:///haltbot.db"
    haltbot_encryption_keys: SecretStr | None = None
    vibecode_api_url: str = "https://vibecode.bitrix24.tech"


def load(kind: type[S]) -> S:
    """Read the settings. Raises SettingsInvalid with one line for each variable that is wrong."""
    try:
        return kind()
    except ValidationError as invalid:
        lines = [_line(error["loc"], error["msg"]) for error in invalid.errors(include_input=False)]
        raise SettingsInvalid("\n".join(lines)) from None


def sqlite_path(database_url: str) -> Path | None:
    """Return the embedded database's file, None for PostgreSQL. Raises SettingsInvalid for anything else."""
    if database_url.startswith(SQLITE_SCHEME) and len(database_url) > len(SQLITE_SCHEME):
        return Path(database_url.removeprefix(SQLITE_SCHEME))
    if database_url.startswith(("postgresql://", "postgres://")):
        return None
    raise SettingsInvalid("DATABASE_URL: must be sqlite:///FILE or postgresql://…")


def _line(location: tuple[int | str, ...], message: str) -> str:
    name = ".".join(str(part) for part in location).upper()
    return f"{name}: {message}" if name else message.removeprefix("Value error, ")
