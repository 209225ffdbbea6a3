"""What can be seen of the sandbox: messages, views, the bot's calls, and whatever happens next."""

from collections.abc import Callable
from typing import TypeVar

from sandbox.slack.delivery import Delivery
from sandbox.slack.records import Call, Json, Listener, TrafficRecord, masked
from sandbox.slack.waiting import Changes
from sandbox.slack.workspace import Channel, Message, Person, View, Workspace

T = TypeVar("T")


class Sights:
    """The sandbox as its people, a test or an inspector see it."""

    workspace: Workspace

    def __init__(self, clock: Callable[[], float]) -> None:
        self.calls: list[Call] = []
        self.deliveries: list[Delivery] = []
        self._clock = clock
        self._changes = Changes()
        self._listeners: list[Listener] = []

    def channel_messages(self, channel: Channel | str) -> list[Message]:
        """What everyone in the channel sees, oldest first."""
        where = channel if isinstance(channel, str) else channel.id
        messages = self.workspace.messages
        return [message for message in messages if message.channel == where and not message.visible_to]

    def private_messages(self, person: Person | str) -> list[Message]:
        """What only this person sees, in whichever channel."""
        who = person if isinstance(person, str) else person.id
        return [message for message in self.workspace.messages if message.visible_to == who]

    def direct_channel(self, person: Person | str) -> Channel:
        """The conversation of the bot and this person."""
        return self.workspace.direct_channel(
            self.workspace.people[person] if isinstance(person, str) else person
        )

    def direct_messages(self, person: Person | str) -> list[Message]:
        return self.channel_messages(self.direct_channel(person))

    def views(self, person: Person | str) -> list[View]:
        """The person's open modals; the last one is on top."""
        return list(self.workspace.modals.get(person if isinstance(person, str) else person.id, []))

    def home(self, person: Person | str) -> View | None:
        return self.workspace.homes.get(person if isinstance(person, str) else person.id)

    def calls_of(self, method: str) -> list[Call]:
        """The bot's calls of one Web API method, or those to ``response_url``."""
        return [call for call in self.calls if call.method == method]

    async def wait_for(self, predicate: Callable[[], T | None], timeout: float = 20) -> T:  # noqa: ASYNC109 - the limit is part of what is asked for
        """Wait until ``predicate`` is true, looking again whenever something happens here."""
        return await self._changes.wait_for(predicate, timeout, self._seen)

    def listen(self, callback: Listener) -> Callable[[], None]:
        """Hear of every request, delivery and change, with secrets masked. Returns what ends it."""
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    def _record(self, call: Call) -> None:
        self.calls.append(call)
        shown: Json = {"method": call.method, "arguments": call.arguments}
        self._announce("call", shown | {"status": call.status, "answer": call.answer})

    def _delivered(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)
        shown: Json = {"kind": delivery.kind, "payload": delivery.payload, "status": delivery.status}
        shown |= {"body": delivery.body, "ack_ms": round(delivery.ack_ms, 1), "error": delivery.error}
        self._announce("delivery", shown)

    def _announce(self, kind: str, detail: Json) -> None:
        if self._listeners:
            record = TrafficRecord(kind, self._clock(), masked(detail))
            for listener in list(self._listeners):
                listener(record)
        self._changes.notify()

    def _seen(self) -> str:
        messages = []
        for message in self.workspace.messages[-5:]:
            readers = f" (only {message.visible_to})" if message.visible_to else ""
            messages.append(f"{message.channel}{readers}: {message.text!r}")
        calls = [f"{call.method} {(call.answer or {}).get('error', call.status)}" for call in self.calls[-5:]]
        return f"the last messages were {messages}, the last calls {calls}"
