"""Sees to it that whoever acts is answered, whatever happens, and that no listener raises."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from bot.domain.errors import Refused, SlackError
from bot.domain.reference import new_reference
from bot.messages.blocks import private
from bot.messages.refusals import refusal
from bot.ports.messenger import Message, Messenger
from handlers.bodies import Body, where_and_who

log = logging.getLogger(__name__)

Listener = Callable[..., Awaitable[None]]


class Responder:
    """Answers in the acknowledgement where Slack shows it (commands), by a private message otherwise.

    Bolt takes an acknowledgement back when the listener raises after it (see ``bot.slack.bolt``), so a wrapped
    listener never raises: refusals become their sentence, faults an apology with a reference.
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
                await ack(**privately(_sentence(error)))

        return _named(answered, listener)

    def button(self, listener: Listener) -> Listener:
        """Wrap a button's listener: acknowledged at the end, answered by a message of its own."""

        async def answered(ack: Any, body: Body) -> None:
            try:
                await listener(body)
            except Exception as error:  # noqa: BLE001 -- told to the person, logged with a reference
                self.tell(body, _sentence(error))
            await ack()

        return _named(answered, listener)

    def view(self, listener: Listener) -> Listener:
        """Wrap a dialog's listener, which acknowledges by itself; a refusal closes the dialog and is told."""

        async def answered(ack: Any, body: Body) -> None:
            try:
                await listener(ack, body)
            except Exception as error:  # noqa: BLE001 -- told to the person, logged with a reference
                await ack()
                self.tell(body, _sentence(error))

        return _named(answered, listener)

    async def link(self, ack: Any) -> None:
        """Listen to a button whose address Slack opens itself; the click still wants its acknowledgement."""
        await ack()

    def dialog(self, body: Body, view: Mapping[str, Any]) -> None:
        """Open a dialog for the person who acted; Slack waits three seconds, and not for the acknowledgement."""
        self.later(self._open(body, view))

    def announce(self, message: Message, *, channel: str) -> None:
        """Tell everyone in a channel, after the acknowledgement."""
        self.later(self._messenger.tell(message, channel))

    def tell(self, body: Body, text: str) -> None:
        """Tell the person alone, whatever they acted upon: a command, a button or a dialog."""
        self.later(self._whisper(body, private(text)))

    def follow_up(self, body: Body, finding: Awaitable[Message | None]) -> None:
        """Answer privately with what takes longer to find out than Slack waits; None: it is answered already."""
        self.later(self._find_out(body, finding))

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something after the acknowledgement; what goes wrong is logged."""
        task = asyncio.create_task(work)
        self._sending.add(task)
        task.add_done_callback(self._sent)

    async def _open(self, body: Body, view: Mapping[str, Any]) -> None:
        try:
            await self._messenger.open_dialog(view, trigger=body["trigger_id"])
        except SlackError as error:
            log.warning("A dialog was not opened: %s", error.code)
            self.tell(body, refusal(Refused("dialog_not_opened")))

    async def _find_out(self, body: Body, finding: Awaitable[Message | None]) -> None:
        try:
            message = await finding
        except Exception as error:  # noqa: BLE001 -- told to the person, logged with a reference
            message = private(_sentence(error))
        if message is not None:
            await self._whisper(body, message)

    async def _whisper(self, body: Body, message: Message) -> None:
        channel, user = where_and_who(body)
        await self._messenger.whisper(
            message, channel=channel, user=user, response_url=body.get("response_url")
        )

    async def finish(self, *, within_seconds: float) -> None:
        """Wait for the answers that are on their way, but not for ever."""
        try:
            async with asyncio.timeout(within_seconds):
                while self._sending:
                    await asyncio.wait(set(self._sending))
        except TimeoutError:
            log.warning("%s private answers were not delivered in time.", len(self._sending))

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        if not task.cancelled() and (error := task.exception()):
            _log(error)


def _log(error: BaseException) -> None:
    if isinstance(error, SlackError):
        log.warning("What was to be told could not be told: %s", error.code)
    else:
        log.error("Work after an acknowledgement failed.", exc_info=error)


def _named(wrapper: Listener, listener: Listener) -> Listener:
    # Not functools.wraps: Bolt would look through it and inject what the inner listener asks for.
    wrapper.__name__ = listener.__name__
    return wrapper


def _sentence(error: Exception) -> str:
    if isinstance(error, Refused):
        return refusal(error)
    reference = new_reference()
    log.error("A listener failed. Reference %s", reference, exc_info=error)
    return refusal(Refused("broken", reference=reference))


def privately(text: str) -> dict[str, Any]:
    """What an acknowledgement needs to show a sentence to the one who sent the command."""
    message = private(text)
    return {"text": message.text, "blocks": list(message.blocks), "response_type": "ephemeral"}
