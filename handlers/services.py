"""The use cases that the stories call."""

from dataclasses import dataclass

from bot.channels.breaker import Breaker
from bot.channels.connections import Connections
from bot.channels.key_service import KeyService
from bot.channels.lifecycle import Lifecycle
from bot.channels.settings_service import SettingsService
from bot.terminations.home import Home
from bot.terminations.queries import Queries
from bot.terminations.service import Terminations


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """Everything that people and Slack can ask of Haltbot."""

    terminations: Terminations
    queries: Queries
    settings: SettingsService
    breaker: Breaker
    keys: KeyService
    connections: Connections
    lifecycle: Lifecycle
    home: Home
