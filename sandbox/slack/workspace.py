"""The state of the sandbox's workspace: its people, channels, messages and views."""

import copy
import itertools
import secrets
import string
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from sandbox.slack.records import Json

_ID_LETTERS = string.ascii_uppercase + string.digits


@dataclass(eq=False)
class Channel:
    """A conversation; ``member_ids`` is None when everyone who may be in it is in it."""

    id: str
    name: str
    private: bool = False
    dm: bool = False
    bot_is_member: bool = True
    archived: bool = False
    shared_with: tuple[str, ...] = ()
    member_ids: set[str] | None = None
    locale: str = "en-US"

    @property
    def name_in_payloads(self) -> str:
        """Slack does not send the names of private conversations."""
        if self.dm:
            return "directmessage"
        return "privategroup" if self.private else self.name


@dataclass(eq=False)
class Person:
    id: str
    name: str
    team: str
    admin: bool = False
    guest: bool = False
    bot: bool = False
    tz: str = "UTC"
    locale: str = "en-US"
    deleted: bool = False


@dataclass(eq=False)
class UserGroup:
    id: str
    handle: str
    user_ids: list[str]
    disabled: bool = False


@dataclass(frozen=True)
class FormerVersion:
    """What a message said before an edit."""

    text: str
    blocks: list[Json]


@dataclass(eq=False)
class Message:
    """A message as its readers see it now; edits change it in place and keep what it said before."""

    ts: str
    channel: str
    text: str
    blocks: list[Json]
    user: str
    via: str
    visible_to: str | None = None
    thread_ts: str | None = None
    metadata: Json | None = None
    unfurl_links: bool | None = None
    unfurl_media: bool | None = None
    edited: str | None = None
    deleted: bool = False
    history: list[FormerVersion] = field(default_factory=list)

    @property
    def elements(self) -> list[Json]:
        """Everything a person can press or choose in it."""
        return list(interactive_elements(self.blocks))

    @property
    def action_ids(self) -> list[str]:
        return [element["action_id"] for element in self.elements]

    def snapshot(self) -> "Message":
        """The message as a screen shows it that has not been refreshed since."""
        return copy.deepcopy(self)


@dataclass(eq=False)
class View:
    """An open modal or a person's Home tab."""

    id: str
    person: str
    content: Json
    hash: str
    root_id: str
    previous_id: str | None = None
    errors: dict[str, str] = field(default_factory=dict)
    values: Json = field(default_factory=dict)
    notice: str | None = None

    @property
    def blocks(self) -> list[Json]:
        blocks: list[Json] = self.content.get("blocks", [])
        return blocks

    @property
    def callback_id(self) -> str:
        return str(self.content.get("callback_id", ""))

    @property
    def private_metadata(self) -> str:
        return str(self.content.get("private_metadata", ""))

    @property
    def title(self) -> str:
        return str(self.content.get("title", {}).get("text", ""))

    @property
    def elements(self) -> list[Json]:
        return list(interactive_elements(self.blocks))

    @property
    def action_ids(self) -> list[str]:
        return [element["action_id"] for element in self.elements]


def interactive_elements(blocks: Iterable[Json]) -> Iterator[Json]:
    """Each interactive element of ``blocks``, as a copy that also knows its ``block_id``."""
    for block in blocks:
        candidates = [block.get("accessory"), block.get("element")]
        if block.get("type") == "actions":
            candidates += block.get("elements", [])
        for element in candidates:
            if element and "action_id" in element:
                yield {**element, "block_id": block["block_id"]}


def with_ids(blocks: Iterable[Json]) -> list[Json]:
    """A copy of ``blocks`` in which Slack has named every block and element that had no name."""
    named = copy.deepcopy(list(blocks))
    for block in named:
        block.setdefault("block_id", secrets.token_urlsafe(4))
        inner = [block.get("accessory"), block.get("element")]
        inner += block.get("elements", []) if block.get("type") == "actions" else []
        for element in inner:
            if element and element.get("type") != "image":
                element.setdefault("action_id", secrets.token_urlsafe(4))
    return named


class Workspace:
    """Everything the sandbox remembers; each change is announced to ``on_change``."""

    def __init__(
        self, *, team: str, bot_user: str, clock: Callable[[], float], on_change: Callable[[str, Json], None]
    ) -> None:
        self.team = team
        self.bot_user = bot_user
        self.clock = clock
        self._announce = on_change
        self.people: dict[str, Person] = {}
        self.channels: dict[str, Channel] = {}
        self.user_groups: dict[str, UserGroup] = {}
        self.messages: list[Message] = []
        self._by_place: dict[tuple[str, str], Message] = {}
        self.modals: dict[str, list[View]] = {}
        self.homes: dict[str, View] = {}
        self._ids = itertools.count(1)
        self._last_ts = 0

    def new_id(self, prefix: str) -> str:
        number, digits = next(self._ids), ""
        while number:
            number, rest = divmod(number, len(_ID_LETTERS))
            digits = _ID_LETTERS[rest] + digits
        return f"{prefix}{digits.rjust(8, '0')}"

    def new_ts(self) -> str:
        """A message's time, which is also its name: unique and growing, whatever the clock does."""
        self._last_ts = max(self._last_ts + 1, int(self.clock() * 1_000_000))
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def changed(self, what: str, **detail: object) -> None:
        self._announce(what, dict(detail))

    # --- people and channels

    def direct_channel(self, person: Person) -> Channel:
        """The conversation of the bot and one person, opened if need be."""
        channel_id = f"D{person.id[1:]}"
        channel = self.channels.get(channel_id)
        if channel is None:
            channel = Channel(id=channel_id, name="directmessage", private=True, dm=True)
            channel.member_ids = {person.id}
            self.channels[channel_id] = channel
        return channel

    def members(self, channel: Channel) -> list[str]:
        teams = {self.team, *channel.shared_with}
        if channel.member_ids is not None:
            people = [self.people[user] for user in self.people if user in channel.member_ids]
        else:
            people = [person for person in self.people.values() if person.team in teams]
        ids = [person.id for person in people]
        return [*ids, self.bot_user] if channel.bot_is_member and self.bot_user not in ids else ids

    # --- messages

    def post(
        self,
        channel: Channel,
        *,
        text: str,
        blocks: Iterable[Json],
        user: str,
        via: str,
        visible_to: str | None = None,
        thread_ts: str | None = None,
    ) -> Message:
        message = Message(
            ts=self.new_ts(),
            channel=channel.id,
            text=text,
            blocks=with_ids(blocks),
            user=user,
            via=via,
            visible_to=visible_to,
            thread_ts=thread_ts,
        )
        self.messages.append(message)
        self._by_place[channel.id, message.ts] = message
        self.changed("message_posted", channel=channel.id, ts=message.ts, text=text, visible_to=visible_to)
        return message

    def edit(self, message: Message, *, text: str | None, blocks: Iterable[Json] | None) -> None:
        """Replace what a message says; a text without blocks also takes the former blocks away."""
        message.history.append(FormerVersion(message.text, message.blocks))
        if blocks is not None:
            message.blocks = with_ids(blocks)
        elif text is not None:
            message.blocks = []
        message.text = message.text if text is None else text
        message.edited = self.new_ts()
        self.changed("message_edited", channel=message.channel, ts=message.ts, text=message.text)

    def delete(self, message: Message) -> None:
        message.deleted = True
        self.messages.remove(message)
        del self._by_place[message.channel, message.ts]
        self.changed("message_deleted", channel=message.channel, ts=message.ts)

    def find_message(self, channel_id: str, ts: str, *, ephemeral: bool = False) -> Message | None:
        message = self._by_place.get((channel_id, ts))
        return message if message and ephemeral == (message.visible_to is not None) else None

    # --- views

    def new_view(self, person_id: str, content: Json, *, below: View | None = None) -> View:
        view_id = self.new_id("V")
        view = View(
            id=view_id,
            person=person_id,
            content={**content, "blocks": with_ids(content.get("blocks", []))},
            hash=self.new_view_hash(),
            root_id=below.root_id if below else view_id,
            previous_id=below.id if below else None,
        )
        self.changed("view_opened", view=view.id, person=person_id)
        return view

    def new_view_hash(self) -> str:
        return f"{int(self.clock())}.{secrets.token_hex(4)}"

    def replace_view(self, view: View, content: Json) -> None:
        view.content = {**content, "blocks": with_ids(content.get("blocks", []))}
        view.hash = self.new_view_hash()
        view.errors = {}
        self.changed("view_updated", view=view.id, person=view.person)

    def find_view(self, *, view_id: str = "", external_id: str = "") -> View | None:
        open_views = itertools.chain(self.homes.values(), *self.modals.values())
        for view in open_views:
            same_external = bool(external_id) and view.content.get("external_id") == external_id
            if view.id == view_id or same_external:
                return view
        return None
