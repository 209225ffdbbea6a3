"""Puts together what lets keys and people's accounts in, and what acts when a channel or the installation changes."""

from dataclasses import dataclass

import httpx

from bot.authority import Authority
from bot.connections import Connections
from bot.key_page import KeyPages
from bot.key_service import KeyService
from bot.keys import Keys
from bot.lifecycle import Lifecycle
from bot.links import Links
from bot.ports import Configurers, Tell, Vault
from bot.ports_access import AccessStore
from bot.resuming import Resuming
from bot.sharing import Channels
from bot.vibecode.client import VibecodeClient
from bot.vibecode.oauth import VibecodeAuthorisation
from bot.worker import Worker


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
