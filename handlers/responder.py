"""Sees to it that whoever acts is answered, whatever happens, and that no listener raises."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from bot.domain.errors import Refused, SlackError
from bot.domain.workspace import channel_of
from bot.messages import replies
from bot.messages.blocks import private
from bot.ports.core import Message, Messenger
from bot.terminations.service import new_reference

log = logging.getLogger(__name__)

Body = Mapping[str, Any]
Listener = Callable[..., Awaitable[None]]


class Answers:
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

    def dialog(self, body: Body, view: Mapping[str, Any]) -> None:
        """Open a dialog for the person who acted; Slack waits three seconds, and not for the acknowledgement."""
        self._start(self._open(body, view))

    def act(self, body: Body, work: Awaitable[None]) -> None:
        """Do what takes longer than the acknowledgement may; what goes wrong is told privately."""
        self._start(self._act(body, work))

    def announce(self, message: Message, *, channel: str) -> None:
        """Tell everyone in a channel, after the acknowledgement."""
        self._start(self._messenger.announce(message, channel=channel))

    def tell(self, body: Body, text: str) -> None:
        """Tell the person alone, whatever they acted upon: a command, a button or a dialog."""
        channel, user = _where_and_who(body)
        self._send(private(text), channel=channel, user=user, response_url=body.get("response_url"))

    def follow_up(self, body: Body, finding: Awaitable[Message]) -> None:
        """Answer privately with what takes longer to find out than Slack waits."""
        self._start(self._find_out(body, finding))

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Do what nobody waits for, after the acknowledgement."""
        self._start(work)

    async def _act(self, body: Body, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 -- told to the person, logged with a reference
            self.tell(body, _sentence(error))

    async def _open(self, body: Body, view: Mapping[str, Any]) -> None:
        try:
            await self._messenger.open_dialog(view, trigger=body["trigger_id"])
        except SlackError as error:
            log.warning("A dialog was not opened: %s", error.code)
            self.tell(body, replies.refusal(Refused("dialog_not_opened")))

    async def _find_out(self, body: Body, finding: Awaitable[Message]) -> None:
        try:
            message = await finding
        except Exception as error:  # noqa: BLE001 -- told to the person, logged with a reference
            message = private(_sentence(error))
        channel, user = _where_and_who(body)
        self._send(message, channel=channel, user=user, response_url=body.get("response_url"))

    def _send(self, message: Message, *, channel: str, user: str, response_url: str | None) -> None:
        self._start(self._messenger.whisper(message, channel=channel, user=user, response_url=response_url))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._sending.add(task)
        task.add_done_callback(self._sent)

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


def _where_and_who(body: Body) -> tuple[str, str]:
    """Find the channel and the person of a command, a click or a dialog, which keeps its channel itself."""
    if "channel_id" in body:
        return body["channel_id"], body["user_id"]
    user = str(body["user"]["id"])
    if body.get("view"):
        try:
            return str(json.loads(body["view"]["private_metadata"])["channel"]), user
        except (ValueError, LookupError, TypeError):
            return user, user
    return channel_of(body), user


def _sentence(error: Exception) -> str:
    if isinstance(error, Refused):
        return replies.refusal(error)
    reference = new_reference()
    log.error("A listener failed. Reference %s", reference, exc_info=error)
    return replies.refusal(Refused("broken", reference=reference))


def privately(text: str) -> dict[str, Any]:
    """What an acknowledgement needs to show a sentence to the one who sent the command."""
    message = private(text)
    return {"text": message.text, "blocks": list(message.blocks), "response_type": "ephemeral"}
