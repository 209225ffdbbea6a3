"""What people do in the sandbox, from a command to a modal, and what becomes of it."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from sandbox.slack import payloads
from sandbox.slack.block_kit import block_faults, option_faults
from sandbox.slack.delivery import Carrier, Delivery
from sandbox.slack.installation import Backend
from sandbox.slack.methods_views import view_json
from sandbox.slack.modals import answer_submission, answerable_conversations, filled_in
from sandbox.slack.records import Json
from sandbox.slack.response_urls import ResponseUrls
from sandbox.slack.workspace import Channel, Message, Person, View

SLACKBOT = "USLACKBOT"
CLICK_TIMED_OUT = "Operation timed out. Apps need to respond within three seconds."
CLICK_FAILED = "This app responded with an error."


class Acts(ABC):
    """A person's doings; each returns when Slack has the bot's acknowledgement, or has given up on it."""

    def __init__(self, backend: Backend, response_urls: ResponseUrls) -> None:
        self._backend = backend
        self.response_urls = response_urls

    @abstractmethod
    def _carrier(self) -> Carrier:
        """How the bot is reached now."""

    @abstractmethod
    def _delivered(self, delivery: Delivery) -> None:
        """Take note of what became of it."""

    # --- what a person does

    async def command(
        self,
        person: Person | str,
        channel: Channel | str,
        name: str,
        text: str = "",
        *,
        trigger_id: str | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> Delivery:
        """Type a slash command. ``extra`` overrides form fields; partners' commands never reach the bot."""
        who, where = self._person(person), self._channel(channel)
        fields = payloads.command(
            self._backend,
            who,
            where,
            name=name,
            text=text.strip(),
            trigger_id=self._backend.triggers.issue(who, trigger_id=trigger_id),
            response_url=self.response_urls.issue(who, where),
        )
        if who.team != self._backend.installation.team:
            self._notice(who, where, f"{name} is not a valid command.")
            return Delivery("slash_commands", dict(fields), error="not_a_valid_command")
        return await self._deliver("slash_commands", {**fields, **(extra or {})})

    async def click(
        self,
        person: Person | str,
        source: Message | View,
        action_id: str,
        choice: Any = None,
        *,
        extra: Mapping[str, Any] | None = None,
    ) -> Delivery:
        """Press a button, or make a choice in a menu, of a message, modal or Home tab.

        What counts is what ``source`` shows, so that ``message.snapshot()`` stands for a screen that
        is behind.
        A ``confirm`` dialog is taken as confirmed; ``extra`` overrides fields of the payload.
        """
        who = self._person(person)
        element = _element(source, action_id)
        payload = payloads.interaction(self._backend, who, "block_actions")
        payload |= payloads.place(self._backend, source)
        payload["actions"] = [payloads.action(element, choice, self._backend.workspace.new_ts())]
        if isinstance(source, View):
            payload["trigger_id"] = self._backend.triggers.issue(who, view_id=source.id)
            return await self._deliver("interactive", {**payload, **(extra or {})})
        if source.visible_to not in {None, who.id}:
            raise ValueError(f"{who.name} does not see this message")
        original = self._backend.workspace.find_message(
            source.channel, source.ts, ephemeral=source.visible_to is not None
        )
        where = self._channel(source.channel)
        payload["trigger_id"] = self._backend.triggers.issue(who)
        payload["state"] = {"values": {}}
        payload["response_url"] = self.response_urls.issue(who, where, original=original)
        return await self._deliver("interactive", {**payload, **(extra or {})})

    async def submit(
        self,
        person: Person | str,
        view: View,
        values: Mapping[str, Any],
        *,
        extra: Mapping[str, Any] | None = None,
    ) -> Delivery:
        """Fill in a modal and send it; ``values`` are by action id or block id, options by their value.

        Raises ValueError for what Slack's own client would not let pass: a required input left empty.
        """
        who = self._person(person)
        view.values = filled_in(view, values)
        view.errors, view.notice = {}, None
        payload = payloads.interaction(self._backend, who, "view_submission")
        payload |= {"team": {"id": who.team, "domain": self._backend.installation.team_domain}}
        payload |= {"view": view_json(self._backend, view)}
        payload["response_urls"] = [
            {
                "block_id": block_id,
                "action_id": action_id,
                "channel_id": channel_id,
                "response_url": self.response_urls.issue(who, self._channel(channel_id)),
            }
            for block_id, action_id, channel_id in answerable_conversations(view)
        ]
        payload["trigger_id"] = self._backend.triggers.issue(who, view_id=view.id)
        delivery = await self._deliver("interactive", {**payload, **(extra or {})})
        if delivery.ok:
            answer_submission(self._backend, view, delivery.json)
        else:
            view.notice = "We had some trouble connecting. Try again?"
            self._backend.workspace.changed("view_failed", view=view.id, person=who.id)
        return delivery

    async def close(self, person: Person | str, view: View) -> Delivery | None:
        """Close a modal with its cross; the bot hears of it only if the view says ``notify_on_close``."""
        who = self._person(person)
        stack = self._backend.workspace.modals.get(who.id, [])
        if view in stack:
            del stack[stack.index(view) :]
        self._backend.workspace.changed("view_closed", view=view.id, person=who.id)
        if not view.content.get("notify_on_close"):
            return None
        payload = payloads.interaction(self._backend, who, "view_closed")
        payload |= {"view": view_json(self._backend, view), "is_cleared": not stack}
        return await self._deliver("interactive", payload)

    def trigger(self, person: Person | str) -> str:
        """A trigger id as the next thing that this person does would carry it."""
        return self._backend.triggers.issue(self._person(person))

    async def suggest(
        self, person: Person | str, source: Message | View, action_id: str, typed: str
    ) -> Delivery:
        """Type into a menu that loads its options; the bot's answer is in ``delivery.json``."""
        element = _element(source, action_id)
        payload = payloads.interaction(self._backend, self._person(person), "block_suggestion")
        payload |= payloads.place(self._backend, source)
        payload |= {"action_id": action_id, "block_id": element["block_id"], "value": typed}
        delivery = await self._deliver("interactive", payload)
        if delivery.ok and option_faults(delivery.json):
            delivery.error = "dispatch_failed"
        return delivery

    async def open_home(self, person: Person | str) -> Delivery:
        who = self._person(person)
        fields: Json = {
            "user": who.id,
            "channel": self._backend.workspace.direct_channel(who).id,
            "tab": "home",
        }
        home = self._backend.workspace.homes.get(who.id)
        if home is not None:
            fields["view"] = view_json(self._backend, home)
        return await self.event("app_home_opened", **fields)

    async def event(
        self, event_type: str, /, *, envelope: Mapping[str, Any] | None = None, **fields: Any
    ) -> Delivery:
        """Let something happen that the bot subscribed to; ``envelope`` overrides what is round the event."""
        payload = payloads.event(self._backend, event_type, fields)
        return await self._deliver("events_api", {**payload, **(envelope or {})})

    async def redeliver(self, delivery: Delivery) -> Delivery:
        """Bring the same request once more: over HTTP to the byte, over Socket Mode with its envelope id."""
        again = Delivery(
            delivery.kind,
            copy.deepcopy(delivery.payload),
            envelope_id=delivery.envelope_id,
            request_body=delivery.request_body,
            request_headers=dict(delivery.request_headers),
        )
        if again.kind == "events_api" and again.request_headers:
            again.request_headers |= {"X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": "http_timeout"}
        return await self._carry(again)

    # --- what becomes of it

    async def _deliver(self, kind: str, payload: Json) -> Delivery:
        # The bot gets what was true when the person acted, not what the workspace becomes in the meantime.
        return await self._carry(Delivery(kind, copy.deepcopy(payload)))

    async def _carry(self, delivery: Delivery) -> Delivery:
        await self._carrier().deliver(delivery)
        if delivery.kind == "slash_commands":
            self._show_command_answer(delivery)
        elif delivery.error is not None and delivery.payload.get("type") == "block_actions":
            self._show_failed_click(delivery)
        self._delivered(delivery)
        return delivery

    def _show_command_answer(self, delivery: Delivery) -> None:
        who = self._backend.workspace.people.get(delivery.payload["user_id"])
        where = self._backend.workspace.channels.get(delivery.payload["channel_id"])
        if who is None or where is None:
            return
        name = delivery.payload["command"]
        if delivery.error is not None:
            self._notice(who, where, f'{name} failed with the error "{delivery.error}"')
            return
        if not delivery.body:
            return
        answer = delivery.json
        if not answer.keys() & {"text", "blocks", "response_type"}:
            answer = {"text": delivery.body}
        blocks = answer.get("blocks") or []
        if block_faults(blocks):
            self._notice(
                who, where, f'{name} failed with the error "invalid_blocks": {block_faults(blocks)[0]}'
            )
            return
        if answer.get("response_type") == "in_channel":
            typed = f"{name} {delivery.payload['text']}".strip()
            self._backend.workspace.post(where, text=typed, blocks=[], user=who.id, via="command")
        text = str(answer.get("text") or "")
        if text or blocks:
            self.response_urls.post_answer(who, where, answer, text=text, blocks=blocks, via="ack")

    def _show_failed_click(self, delivery: Delivery) -> None:
        said = CLICK_TIMED_OUT if delivery.error == "operation_timeout" else CLICK_FAILED
        who = self._backend.workspace.people[delivery.payload["user"]["id"]]
        where = delivery.payload.get("channel", {}).get("id")
        channel = self._channel(where) if where else self._backend.workspace.direct_channel(who)
        self._notice(who, channel, said)

    def _notice(self, person: Person, channel: Channel, text: str) -> None:
        """Slack's own words, which only this person sees."""
        self._backend.workspace.post(
            channel, text=text, blocks=[], user=SLACKBOT, via="slack", visible_to=person.id
        )

    def _person(self, person: Person | str) -> Person:
        return person if isinstance(person, Person) else self._backend.workspace.people[person]

    def _channel(self, channel: Channel | str) -> Channel:
        return channel if isinstance(channel, Channel) else self._backend.workspace.channels[channel]


def _element(source: Message | View, action_id: str) -> Json:
    for element in source.elements:
        if element["action_id"] == action_id:
            return element
    raise LookupError(f"there is no {action_id!r} to press, only {source.action_ids}")
