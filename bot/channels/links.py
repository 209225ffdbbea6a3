"""One-time links: for one purpose, one person, one channel, ten minutes. The secret is in the link alone."""

import hashlib
import secrets

from bot.domain.connection import Link, LinkKind
from bot.domain.permissions import Actor
from bot.ports.store import AccessStore

LINK_MS = 10 * 60 * 1000
_SECRET_BYTES = 32
_LONGEST_SECRET = 100


class Links:
    """``public_url`` is where people's browsers reach Haltbot; None where they cannot."""

    def __init__(self, store: AccessStore, public_url: str | None) -> None:
        self._store = store
        self.public_url = public_url.rstrip("/") if public_url else None

    async def issue(
        self, kind: LinkKind, actor: Actor, *, sealed: str | None = None, reference: str | None = None
    ) -> str | None:
        """Make a link in place of the person's former one; None without a public address."""
        if self.public_url is None:
            return None
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        link = Link(
            hash=hashed(secret),
            kind=kind,
            team=actor.place,
            channel=actor.channel,
            user=actor.user,
            sealed=sealed,
            reference=reference,
        )
        await self._store.put_link(link, for_ms=LINK_MS)
        return f"{self.public_url}/{kind}/{secret}"

    async def find(self, kind: LinkKind, secret: str) -> Link | None:
        """Read what a link is for; None once it was used or has expired."""
        if len(secret) > _LONGEST_SECRET:
            return None
        link = await self._store.link(hashed(secret))
        return link if link is not None and link.kind is kind else None


def hashed(secret: str) -> str:
    """Name a link's secret without telling it. It is random and long, so that a plain hash suffices."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
