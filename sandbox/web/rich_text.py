"""A rich_text block as HTML: a tree of styled runs in which no text is parsed."""

from collections.abc import Callable

from sandbox.slack.records import Json
from sandbox.web.emoji import EMOJI
from sandbox.web.html import Html, escaped, join, tag
from sandbox.web.mrkdwn import link, mention
from sandbox.web.reader import Reader

_STYLES = {"bold": "strong", "italic": "em", "strike": "s", "code": "code", "underline": "u"}


def rich_text(block: Json, reader: Reader) -> Html:
    return join(_part(part, reader) for part in block["elements"])


def _part(part: Json, reader: Reader) -> Html:
    kind = part["type"]
    if kind == "rich_text_list":
        items = [tag("li", _runs(item, reader)) for item in part["elements"]]
        indent = f"indent-{part.get('indent', 0)}"
        if part["style"] == "ordered":
            return tag("ol", items, class_=indent, start=part.get("offset", 0) + 1)
        return tag("ul", items, class_=indent)
    inner = _runs(part, reader)
    if kind == "rich_text_quote":
        return tag("blockquote", inner)
    if kind == "rich_text_preformatted":
        return tag("pre", tag("code", inner))
    return tag("div", inner, class_="rich")


def _runs(part: Json, reader: Reader) -> Html:
    return join(_run(run, reader) for run in part["elements"])


def _run(run: Json, reader: Reader) -> Html:
    made = _RUNS[run["type"]](run, reader)
    for style, name in _STYLES.items():
        if run.get("style", {}).get(style):
            made = tag(name, made)
    return made


def _text(run: Json, _: Reader) -> Html:
    return Html("<br>".join(escaped(line) for line in run["text"].split("\n")))


def _date(run: Json, reader: Reader) -> Html:
    written = reader.formatted(run["timestamp"], run["format"])
    return link(run["url"], written) if run.get("url") else tag("time", written, title=run.get("fallback"))


def _user(run: Json, reader: Reader) -> Html:
    user = run["user_id"]
    return mention(f"@{reader.user_name(user)}", is_reader=user == reader.person.id)


_RUNS: dict[str, Callable[[Json, Reader], Html]] = {
    "text": _text,
    "link": lambda run, _: link(run["url"], run.get("text") or run["url"]),
    "user": _user,
    "usergroup": lambda run, reader: mention(f"@{reader.group_name(run['usergroup_id'])}"),
    "channel": lambda run, reader: mention(f"#{reader.channel_name(run['channel_id'])}"),
    "emoji": lambda run, _: escaped(EMOJI.get(run["name"], f":{run['name']}:")),
    "date": _date,
    "broadcast": lambda run, _: mention(f"@{run['range']}", is_reader=True),
}
