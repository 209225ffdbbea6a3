"""Deliveries that go wrong on demand: a bot that acknowledges too late, or cannot be reached."""

import asyncio
import time

from sandbox.slack.delivery import Carrier, Delivery


class TroubledCarrier:
    """Carries one delivery so that it ends in ``error``, as Slack would see it."""

    def __init__(self, carrier: Carrier, error: str, ack_seconds: float) -> None:
        self._carrier = carrier
        self._error = error
        self._ack_seconds = ack_seconds

    async def deliver(self, delivery: Delivery) -> None:
        if self._error != "operation_timeout":
            delivery.error = "dispatch_failed"
            return
        # The bot gets it and acts upon it; it is only the acknowledgement that nobody waits for any more.
        started = time.monotonic()
        await self._carrier.deliver(delivery)
        await asyncio.sleep(self._ack_seconds - (time.monotonic() - started))
        delivery.status, delivery.body, delivery.error = None, "", "operation_timeout"
        delivery.ack_ms = (time.monotonic() - started) * 1000
