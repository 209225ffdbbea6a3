"""Deletes what is older than the operator wants to keep, once a day, on whichever replica is first."""

import asyncio
import logging
import random

from bot.domain.errors import StoreError
from bot.ports.store import AuditStore

log = logging.getLogger(__name__)

DAY_MS = 24 * 60 * 60 * 1000
LOOK_SECONDS = 60 * 60
"""How often each replica looks whether today's turn is still free."""


class Retention:
    """Deletes what ended more than so many days ago. There is no leader: a conditional update decides."""

    def __init__(self, store: AuditStore, *, days: int, look_seconds: float = LOOK_SECONDS) -> None:
        self._store = store
        self._days = days
        self._look_seconds = look_seconds

    async def serve(self) -> None:
        """Look now, and again every hour; what cannot be deleted now is deleted later."""
        while True:
            try:
                gone = await self._store.forget(older_than_ms=self._days * DAY_MS, period_ms=DAY_MS)
            except StoreError as trouble:
                log.warning("What is older than %s days could not be deleted: %s", self._days, trouble)
            else:
                if gone:
                    log.info("Deleted %s rows that were older than %s days.", gone, self._days)
            # Jittered, so that replicas do not ask at the same moment.
            await asyncio.sleep(self._look_seconds * random.uniform(0.8, 1.2))  # noqa: S311 -- spreads load
