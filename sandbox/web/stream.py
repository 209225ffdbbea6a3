"""What one open page shows: rendered anew when something happens, sent where it differs."""

import asyncio
import json

from sandbox.slack import Channel, SlackSandbox
from sandbox.vibecode import VibecodeSandbox
from sandbox.web import messages
from sandbox.web.commands import SlashCommand, suggestions
from sandbox.web.html import Html, escaped
from sandbox.web.inspector import inspector
from sandbox.web.portal import portal
from sandbox.web.reader import Reader
from sandbox.web.sidebar import HOME, sidebar, title
from sandbox.web.tools import armed, tools
from sandbox.web.traffic import Traffic
from sandbox.web.views import modal

SECONDS_BETWEEN_LOOKS = 1.0
SECONDS_TO_GATHER = 0.03


class Viewer:
    """One connection: a person looking at a place."""

    def __init__(
        self,
        slack: SlackSandbox,
        vibecode: VibecodeSandbox,
        traffic: Traffic,
        commands: list[SlashCommand],
        *,
        person: str,
        place: str,
    ) -> None:
        self._slack = slack
        self._vibecode = vibecode
        self._traffic = traffic
        self._commands = commands
        people = slack.workspace.people
        self._person = people.get(person) or next(iter(people.values()))
        self._place = place
        self._sent: dict[str, str] = {}
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def wait(self) -> None:
        """Return when there may be something new; steps and locks move without anything happening."""
        try:
            await asyncio.wait_for(self._woken.wait(), SECONDS_BETWEEN_LOOKS)
            await asyncio.sleep(SECONDS_TO_GATHER)
        except TimeoutError:
            return
        finally:
            self._woken.clear()

    def news(self) -> bytes:
        """Return what has changed since the last time as one server-sent event; nothing if nothing has."""
        changed = {name: html for name, html in self._regions().items() if self._sent.get(name) != html}
        if not changed:
            return b": nothing new\n\n"
        self._sent.update(changed)
        return f"data: {json.dumps(changed, ensure_ascii=False)}\n\n".encode()

    def _regions(self) -> dict[str, str]:
        workspace = self._slack.workspace
        reader = Reader(workspace, self._person)
        place, channel = self._where(reader)
        views = self._slack.views(self._person)
        content: Html
        if channel is None:
            content = messages.home(self._slack.home(self._person), reader)
        else:
            content = messages.conversation(channel, workspace.messages, self._traffic.notes, reader)
        return {
            "state": json.dumps({"person": self._person.id, "place": place}),
            "title": escaped("Haltbot · Home" if channel is None else title(channel)),
            "reader": escaped(self._person.name),
            "sidebar": sidebar(reader, place),
            "conversation": content,
            "suggestions": suggestions(self._commands),
            "modal": modal(views[-1] if views else None, reader),
            "portal": portal(self._vibecode, reader),
            "tools": tools(),
            "armed": armed(self._slack, self._vibecode),
            "inspector": inspector(self._traffic.entries, reader),
        }

    def _where(self, reader: Reader) -> tuple[str, Channel | None]:
        """Find the place that was asked for, or the first that this person may see."""
        if self._place == HOME:
            return HOME, None
        channels = self._slack.workspace.channels
        direct = self._slack.direct_channel(self._person)
        asked = channels.get(self._place)
        if asked is None or not messages.may_see(asked, reader):
            seen = [c for c in channels.values() if not c.dm and messages.may_see(c, reader)]
            asked = seen[0] if seen else direct
        return asked.id, asked
