"""``haltbot demo``: the main job, played on this machine by the real bot."""

import asyncio
import errno
import json
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.domain.command import COMMAND
from bot.messages.termination import FORCE_TERMINATE
from sandbox.slack import Message, Person
from sandbox.vibecode import Step
from sandbox.web import add_cast, open_page
from sandbox.web.portal import STARTS
from sandbox.world import World, open_world

DEFAULT_PORT = 8800
_WAITS_FOR_SOMEBODY = Step(3600, locked=False)
_BOLD, _DIM, _END = "\033[1m", "\033[2m", "\033[0m"
_OUTCOMES = (
    "*Stopped",
    "*Accepted",
    "*Nothing to stop",
    "*Not stopped",
    "*Unknown",
    "*Kept running",
    "*Expired",
)


async def play() -> int:
    """Play a soft termination, a forced one and an error; print what each person sees."""
    _stay_here()
    with tempfile.TemporaryDirectory(prefix="haltbot-demo-") as folder:
        async with open_world(Path(folder)) as world:
            await world.start()
            await _Stage(world).play()
    return 0


class _Stage:
    def __init__(self, world: World) -> None:
        self._world = world
        self._names = {person.id: person.name for person in (world.requester, world.colleague)}

    async def play(self) -> None:
        _say(
            "Everything below runs on this machine: a local Slack and a local Bitrix24 Vibecode that keep the real"
            " ones' rules, and the real bot between them. Rita is on call and writes in #ops."
        )
        await self._soft()
        await self._forced()
        await self._error()
        print()
        _say(
            "That was the main job. `make demo` plays it again; README.md tells how to connect your own Slack."
        )

    async def _soft(self) -> None:
        _title("1. A soft termination runs at once")
        instance = self._world.vibecode.start_instance(steps=[_WAITS_FOR_SOMEBODY])
        await self._type(f"{instance} nightly import loops since 02:10")
        self._show(await self._outcome(instance))
        self._show_calls(instance)

    async def _forced(self) -> None:
        _title("2. A forced one asks first, and only Rita may answer")
        world = self._world
        instance = world.vibecode.start_instance(stuck=True)
        await self._type(f"{instance} force deadlocks the CRM")
        question = await self._until("*Force-terminate", instance, says="Started by")
        self._show(question)
        self._show_buttons(question)

        self._act(world.colleague, "presses [Force terminate]")
        await world.slack.click(world.colleague, question, FORCE_TERMINATE)
        private = await world.slack.wait_for(lambda: world.slack.private_messages(world.colleague))
        self._show(private[-1], only=world.colleague)

        self._act(world.requester, "presses [Force terminate]")
        await world.slack.click(world.requester, question, FORCE_TERMINATE)
        self._show(await self._outcome(instance), edited=True)
        self._show_calls(instance)

    async def _error(self) -> None:
        _title("3. What went wrong, why, and what to do next")
        instance = self._world.vibecode.start_instance()
        self._world.vibecode.script("SCOPE_DENIED")
        await self._type(f"{instance} wrong branch")
        self._show(await self._outcome(instance))
        self._show_calls(instance)

    async def _type(self, text: str) -> None:
        self._act(self._world.requester, f"types  {COMMAND} {text}")
        await self._world.slack.command(self._world.requester, self._world.channel, COMMAND, text)

    async def _outcome(self, instance: str) -> Message:
        return await self._until(_OUTCOMES, instance)

    async def _until(self, beginning: str | tuple[str, ...], instance: str, *, says: str = "") -> Message:
        """Wait until the message about this instance begins so, and says so much."""

        def found() -> list[Message]:
            messages = self._world.slack.channel_messages(self._world.channel)
            return [
                message
                for message in messages
                if instance in message.text and message.text.startswith(beginning) and says in message.text
            ]

        return (await self._world.slack.wait_for(found))[0]

    def _act(self, person: Person, what: str) -> None:
        print(f"\n  {_bold(person.name)} {what}")

    def _show(self, message: Message, *, only: Person | None = None, edited: bool = False) -> None:
        where = f"only {only.name} sees" if only else "#ops, the same message" if edited else "#ops"
        print(f"  {_dim(f'haltbot in {where}:' if not only else f'{where}:')}")
        for line in self._plain(message.text).splitlines():
            print(textwrap.fill(line, _width(), initial_indent="  │ ", subsequent_indent="  │ "))

    def _show_buttons(self, message: Message) -> None:
        labels = [
            element["text"]["text"]
            for block in message.blocks
            if block["type"] == "actions"
            for element in block["elements"]
        ]
        print("  │ " + "  ".join(f"[{label}]" for label in labels))

    def _show_calls(self, instance: str) -> None:
        for call in self._world.vibecode.deletes(instance):
            query = "&".join(f"{name}={value}" for name, value in call.query.items())
            print(_dim(f"  Vibecode received: DELETE {call.path}?{query} → {call.status}"))

    def _plain(self, text: str) -> str:
        """Read mrkdwn the way Slack shows it, as far as a terminal can."""
        named = re.sub(r"<@(\w+)>", lambda mention: "@" + self._names.get(mention[1], mention[1]), text)
        bold = re.sub(r"\*([^*\n]+)\*", lambda strong: _bold(strong[1]), named)
        return re.sub("[`\u2060]", "", bold).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _title(text: str) -> None:
    print(f"\n{_bold(text)}")


def _say(text: str) -> None:
    print(textwrap.fill(text, _width()))


def _bold(text: str) -> str:
    return f"{_BOLD}{text}{_END}" if sys.stdout.isatty() else text


def _dim(text: str) -> str:
    return f"{_DIM}{text}{_END}" if sys.stdout.isatty() else text


def _width() -> int:
    return min(100, shutil.get_terminal_size().columns - 2)


def _stay_here() -> None:
    """Pass by every proxy: this process speaks to this machine alone, which no proxy reaches."""
    os.environ["no_proxy"] = "*"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def serve() -> int:
    """Stay up until interrupted: a Slack to look at, and the addresses of all parts."""
    _stay_here()
    port = _free_port()
    # Links to the bot's pages need an address that is known before it listens there.
    public_url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="haltbot-demo-") as folder:
        async with open_world(Path(folder), haltbot_port=port, haltbot_public_url=public_url) as world:
            cast = add_cast(world.slack)
            instances = [world.vibecode.start_instance(**start) for _, start in STARTS.values()]
            await world.start()
            async with _page(world) as url:
                print(_addresses(world, url, instances[0], cast.approver), flush=True)
                await _interrupted()
    return 0


@asynccontextmanager
async def _page(world: World) -> AsyncIterator[str]:
    """Open the page where it is expected, or on any free port if that one is taken."""
    bot_url = f"http://127.0.0.1:{world.port}"
    try:
        async with open_page(world, port=DEFAULT_PORT, bot_url=bot_url) as url:
            yield url
    except OSError as taken:
        if taken.errno != errno.EADDRINUSE:
            raise
        async with open_page(world, bot_url=bot_url) as url:
            yield url


async def _interrupted() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


def _addresses(world: World, url: str, instance: str, admin: Person) -> str:
    body = json.dumps(
        {"person": world.requester.id, "place": world.channel.id, "text": f"{COMMAND} {instance} looping"}
    )
    return f"""
Open {_bold(url)} – the local Slack, the Bitrix24 portal behind it and all that passes between them.

  Slack     {world.slack.url}
  Vibecode  {world.vibecode.url}
  Haltbot   http://127.0.0.1:{world.port}/readyz

Send a command without a browser:

  curl -H 'Content-Type: application/json' -d '{body}' {url}do/say

{admin.name} is an admin: as {admin.name}, try {COMMAND} config, and {COMMAND} key with another key:

  {world.vibecode.add_key()}

Ctrl-C ends it; nothing is kept."""
