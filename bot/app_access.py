"""Puts together what lets keys and people's accounts in, and what acts when a channel or the installation changes."""

from dataclasses import dataclass

import httpx

from bot.channels.authority import Authority
from bot.channels.connections import Connections
from bot.channels.key_service import KeyService
from bot.channels.keys import Keys
from bot.channels.lifecycle import Lifecycle
from bot.channels.links import Links
from bot.channels.sharing import Channels
from bot.ports.access import AccessStore
from bot.ports.core import Configurers, Tell, Vault
from bot.terminations.resume import Resuming
from bot.terminations.worker import Worker
from bot.vibecode.client import VibecodeClient
from bot.vibecode.oauth import VibecodeAuthorisation
from bot.web.pages import KeyPages


@dataclass(frozen=True, slots=True)
class AccessParts:
    """Keys, connected accounts, and the end of channels and installations; ``pages`` are for browsers, if any."""

    keys: KeyService
    connections: Connections
    lifecycle: Lifecycle
    pages: KeyPages | None


def open_access(
    *,
    store: AccessStore,
    keys: Keys,
    vault: Vault,
    authority: Authority,
    channels: Channels,
    vibecode: VibecodeClient,
    vibecode_url: httpx.URL,
    worker: Worker,
    public_url: str | None,
    tell: Tell,
    configurers: Configurers,
) -> AccessParts:
    """Wire it; nothing runs yet."""
    links = Links(store, public_url)
    service = KeyService(store, keys, links, vibecode, authority)
    resuming = Resuming(store, start=worker.start, has_room=worker.has_room)
    connections = Connections(
        store,
        keys,
        vault,
        links,
        VibecodeAuthorisation(vibecode, vibecode_url),
        tell=tell,
        resume=resuming.resume,
    )
    lifecycle = Lifecycle(store, keys, channels, tell=tell, configurers=configurers)
    pages = KeyPages(service, connections, public_url) if public_url else None
    return AccessParts(service, connections, lifecycle, pages)
