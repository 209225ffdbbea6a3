"""Where one can be and who one can be: channels, the app, and the people to act as."""

from sandbox.slack import Channel, Person
from sandbox.web.html import Html, tag
from sandbox.web.messages import colour, initial, may_see
from sandbox.web.reader import Reader

HOME = "home"


def sidebar(reader: Reader, place: str) -> Html:
    """Show the channels that this person is in, the bot's own places, and everybody."""
    workspace = reader.workspace
    channels = [
        _place(channel.id, _name(channel), current=place == channel.id)
        for channel in workspace.channels.values()
        if not channel.dm and may_see(channel, reader)
    ]
    direct = workspace.direct_channel(reader.person)
    apps = [
        _place(direct.id, "Haltbot", current=place == direct.id),
        _place(HOME, "Haltbot · Home", current=place == HOME),
    ]
    people = [
        _person(person, reader, current=person is reader.person)
        for person in workspace.people.values()
        if not person.bot
    ]
    return tag(
        "div",
        tag("h2", "Channels"),
        tag("ul", channels),
        tag("h2", "Apps"),
        tag("ul", apps),
        tag("h2", "You are"),
        tag("ul", people),
    )


def title(channel: Channel) -> str:
    return "Haltbot" if channel.dm else f"#{channel.name}"


def _name(channel: Channel) -> list[str | Html]:
    marks = [
        tag("span", "private", class_="badge") if channel.private else "",
        tag("span", "shared", class_="badge") if channel.shared_with else "",
        tag("span", "archived", class_="badge") if channel.archived else "",
        tag("span", "without Haltbot", class_="badge") if not channel.bot_is_member else "",
    ]
    return ["# ", channel.name, *marks]


def _place(place: str, name: str | list[str | Html], *, current: bool) -> Html:
    button = tag(
        "button",
        name,
        type="button",
        class_="place",
        data_place=place,
        aria_current="page" if current else None,
    )
    return tag("li", button, data_key=place)


def _person(person: Person, reader: Reader, *, current: bool) -> Html:
    roles = [group.handle for group in reader.workspace.user_groups.values() if person.id in group.user_ids]
    roles += [
        name
        for name, holds in (
            ("admin", person.admin),
            ("guest", person.guest),
            ("partner", person.team != reader.workspace.team),
        )
        if holds
    ]
    button = tag(
        "button",
        tag("span", initial(person.name), class_=f"avatar small {colour(person.id)}", aria_hidden="true"),
        tag("span", person.name, class_="name"),
        [tag("span", role, class_="badge") for role in roles],
        type="button",
        class_="person",
        data_person=person.id,
        aria_pressed="true" if current else "false",
    )
    return tag("li", button, data_key=person.id)
