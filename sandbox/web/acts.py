"""What a person does on the page, carried out in the sandboxes."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from sandbox.slack import Channel, Message, Person, SlackSandbox, View
from sandbox.slack.delivery import Delivery
from sandbox.vibecode import VibecodeSandbox
from sandbox.web.commands import SlashCommand
from sandbox.web.portal import STARTS
from sandbox.web.reader import SLACKBOT
from sandbox.web.sidebar import HOME
from sandbox.web.tools import SLACK_TROUBLE

Json = dict[str, Any]


class CannotDo(Exception):
    """It is not possible here; the message says why, for the person to read."""


class PageActs:
    """One method for each thing that can be done; each takes the page's JSON and may answer with some."""

    def __init__(self, slack: SlackSandbox, vibecode: VibecodeSandbox, commands: list[SlashCommand]) -> None:
        self._slack = slack
        self._vibecode = vibecode
        self._commands = {command.name for command in commands}
        self._acts: dict[str, Callable[[Json], Awaitable[Json | None]]] = {
            "say": self._say,
            "click": self._click,
            "submit": self._submit,
            "close": self._close,
            "suggest": self._suggest,
            "home": self._home,
            "start": self._start,
            "script": self._script,
            "fail_slack": self._fail_slack,
            "calm": self._calm,
            "publish": self._publish,
        }

    async def do(self, name: str, sent: Json) -> Json:
        """Do what the page asks for. Raises CannotDo."""
        act = self._acts.get(name)
        if act is None:
            raise CannotDo(f"There is nothing called {name} to do here.")
        try:
            return await act(sent) or {}
        except LookupError as missing:
            raise CannotDo(f"That is not there any more: {missing}") from missing
        except (ValueError, TypeError) as wrong:
            raise CannotDo(str(wrong)) from wrong

    # --- in Slack

    async def _say(self, sent: Json) -> None:
        who, where, text = self._person(sent), self._channel(sent), _sent(sent, "text").strip()
        name, _, rest = text.partition(" ")
        if name.startswith("/") and name in self._commands:
            await self._slack.command(who, where, name, rest)
        elif name.startswith("/"):
            words = f"{_escaped(name)} is not a valid command."
            self._slack.workspace.post(
                where, text=words, blocks=[], user=SLACKBOT, via="slack", visible_to=who.id
            )
        elif text:
            self._slack.workspace.post(where, text=_escaped(text), blocks=[], user=who.id, via="person")

    async def _click(self, sent: Json) -> None:
        choice = sent.get("choice")
        await self._slack.click(self._person(sent), self._source(sent), str(sent["action"]), choice)

    async def _submit(self, sent: Json) -> Json:
        delivery = await self._slack.submit(self._person(sent), self._view(sent), sent["values"])
        return _outcome(delivery)

    async def _close(self, sent: Json) -> None:
        await self._slack.close(self._person(sent), self._view(sent))

    async def _suggest(self, sent: Json) -> Json:
        delivery = await self._slack.suggest(
            self._person(sent), self._source(sent), str(sent["action"]), str(sent["typed"])
        )
        answer = delivery.json if delivery.ok else {}
        groups: list[Json] = answer.get("option_groups", [])
        options = [*answer.get("options", []), *(option for group in groups for option in group["options"])]
        return {"options": options, **_outcome(delivery)}

    async def _home(self, sent: Json) -> None:
        await self._slack.open_home(self._person(sent))

    # --- around it

    async def _start(self, sent: Json) -> Json:
        _, alike = STARTS[str(sent["kind"])]
        return {"id": self._vibecode.start_instance(**alike)}

    async def _script(self, sent: Json) -> None:
        self._vibecode.script(
            str(sent["what"]),
            times=int(sent.get("times") or 1),
            method=str(sent.get("method") or "") or None,
            executes=bool(sent.get("executes")),
        )

    async def _fail_slack(self, sent: Json) -> None:
        method, error, _ = SLACK_TROUBLE[str(sent["what"])]
        self._slack.fail(method, error)

    async def _calm(self, _: Json) -> None:
        self._slack.down = self._vibecode.down = False
        self._slack.stop_failing()
        self._vibecode.stop_failing()

    async def _publish(self, sent: Json) -> Json:
        """Let the bot send blocks, over the Web API as a bot does, so that Slack's rules are applied to them."""
        content = json.loads(str(sent["json"]))
        if isinstance(content, dict) and content.get("type") == "modal":
            trigger = self._slack.trigger(self._person(sent))
            return await self._call("views.open", {"trigger_id": trigger, "view": content})
        if isinstance(content, dict) and content.get("type") == "home":
            return await self._call("views.publish", {"user_id": self._person(sent).id, "view": content})
        blocks = content.get("blocks") if isinstance(content, dict) else content
        message = {"channel": self._channel(sent).id, "text": "Blocks tried out", "blocks": blocks}
        return await self._call("chat.postMessage", message)

    async def _call(self, method: str, arguments: Json) -> Json:
        headers = {"Authorization": f"Bearer {self._slack.bot_token}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(self._slack.api_url + method, json=arguments) as response,
        ):
            answer: Json = await response.json()
        if not answer.get("ok"):
            raise CannotDo(" · ".join([str(answer.get("error")), *map(str, answer.get("errors", []))]))
        return {}

    # --- who, where, what

    def _person(self, sent: Json) -> Person:
        return self._slack.workspace.people[_sent(sent, "person")]

    def _channel(self, sent: Json) -> Channel:
        place = _sent(sent, "place")
        if place == HOME:
            return self._slack.direct_channel(self._person(sent))
        return self._slack.workspace.channels[place]

    def _view(self, sent: Json) -> View:
        view = self._slack.workspace.find_view(view_id=str(sent["view"]))
        if view is None:
            raise LookupError("the dialog was closed")
        return view

    def _source(self, sent: Json) -> Message | View:
        if sent.get("view"):
            return self._view(sent)
        for message in self._slack.workspace.messages:
            if (message.channel, message.ts) == (sent["channel"], sent["ts"]):
                return message
        raise LookupError("the message was deleted")


def _outcome(delivery: Delivery) -> Json:
    return {} if delivery.ok else {"error": delivery.error}


def _escaped(text: str) -> str:
    """Write what a person typed as Slack keeps it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _sent(sent: Json, name: str) -> str:
    """Read what has to be there. Raises CannotDo."""
    if name not in sent:
        raise CannotDo(f"{name} is missing.")
    return str(sent[name])
