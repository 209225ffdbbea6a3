"""Sees to it that whoever acts is answered, whatever happens, and that no listener raises."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot import replies
from bot.blocks import private
from bot.errors import HaltbotError, Refused
from bot.ports import Messenger
from bot.service import new_reference

log = logging.getLogger(__name__)

Body = Mapping[str, Any]
Listener = Callable[..., Awaitable[None]]


class Answers:
    """Answers in the acknowledgement where Slack shows it (commands), by a private message otherwise.

    Bolt takes an acknowledgement back when the listener raises after it (slack_bolt 1.30, see ``docs``), so
    a wrapped listener never raises: refusals become their sentence, faults an apology with a reference.
    """

    def __init__(self, messenger: Messenger) -> None:
        self._messenger = messenger
        self._sending: set[asyncio.Task[None]] = set()

    def command(self, listener: Listener) -> Listener:
        """Wrap a slash command's listener, whose acknowledgement carries the private answer."""

        async def answered(ack: Any, body: Body) -> None:
            try:
                await listener(ack, body)
            except Exception as error:  # noqa: BLE001 -- told to the person, logged with a reference
                await ack(**_private(_sentence(error)))

        return _named(answered, listener)

    def button(self, listener: Listener) -> Listener:
        """Wrap a button's listener: acknowledged at the end, answered by a message of its own."""

        async def answered(ack: Any, body: Body) -> None:
            try:
                await listener(body)
            except Exception as error:  # noqa: BLE001 -- told to the person, logged with a reference
                self.whisper(body, _sentence(error))
            await ack()

        return _named(answered, listener)

    def whisper(self, body: Body, text: str) -> None:
        """Tell the person who clicked, after the acknowledgement and without making it wait."""
        container, channel = body.get("container") or {}, body.get("channel") or {}
        task = asyncio.create_task(
            self._messenger.whisper(
                private(text),
                channel=str(channel.get("id") or container.get("channel_id") or ""),
                user=str(body["user"]["id"]),
                response_url=body.get("response_url"),
            )
        )
        self._sending.add(task)
        task.add_done_callback(self._sent)

    async def finish(self) -> None:
        """Wait for the answers that are on their way."""
        await asyncio.gather(*self._sending, return_exceptions=True)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.warning("A private answer was not delivered: %s", error)


def _named(wrapper: Listener, listener: Listener) -> Listener:
    # Not functools.wraps: Bolt would look through it and inject what the inner listener asks for.
    wrapper.__name__ = listener.__name__
    return wrapper


def _sentence(error: Exception) -> str:
    if isinstance(error, Refused):
        return replies.refusal(error)
    reference = new_reference()
    if isinstance(error, KeyError | TypeError | AttributeError) and not isinstance(error, HaltbotError):
        log.error("Slack's payload was not understood, or Haltbot has a fault. Reference %s", reference)
    log.error("A listener failed. Reference %s", reference, exc_info=error)
    return replies.refusal(Refused("broken", reference=reference))


def _private(text: str) -> dict[str, Any]:
    message = private(text)
    return {"text": message.text, "blocks": list(message.blocks), "response_type": "ephemeral"}
