"""Slack's mrkdwn as HTML: escaped first, then the few marks that Slack knows.

No well-kept library reads mrkdwn in Python (those on PyPI write it), so these are the rules themselves.
"""

import re
from collections.abc import Callable
from html import escape, unescape

from sandbox.web.emoji import with_emoji
from sandbox.web.html import Html, escaped, join, tag
from sandbox.web.reader import Reader

_ENTITIES = re.compile(r"&(amp|lt|gt);")
_PRE = re.compile(r"```\n?(.+?)\n?```", re.DOTALL)
_CODE = re.compile(r"(?<![\w`])`([^`\n\u2060][^`\n]*)`(?![\w`\u2060])")
_CONTROL = re.compile(r"<([^<>\n]+)>")
_QUOTE = re.compile(r"^(?:&gt;|>) ?(.*)$")
_ADDRESS = re.compile(r"https?://[^\s<>|\u2060][^\s<>|]*[^\s<>|.,;:!?'\"()]")
_SAFE_SCHEMES = ("http://", "https://", "mailto:", "tel:")
# A mark opens before a word and closes behind one. The word joiner, which Haltbot puts behind a mark that
# somebody typed, is neither a space nor a word: it makes the mark inert.
_BEFORE, _AFTER = r"(?<![\w*_~`\u2060])", r"(?![\w*_~`\u2060])"
_MARKS = [
    (re.compile(rf"{_BEFORE}{mark}(?![\s\u2060{mark}])([^\n]*?[^\s{mark}]){mark}{_AFTER}"), name)
    for mark, name in ((r"\*", "strong"), ("_", "em"), ("~", "s"))
]


def plain(text: str) -> Html:
    """Show a plain_text object: nothing is a mark, but entities and emoji names are read."""
    return escaped(with_emoji(_unescaped(text)))


def rendered(text: str, reader: Reader, *, verbatim: bool = False) -> Html:
    """Show mrkdwn; without ``verbatim`` bare addresses become links too."""
    parts: list[Html] = []
    at = 0
    for found in _PRE.finditer(text):
        parts.append(_lines(text[at : found.start()], reader, verbatim=verbatim))
        parts.append(tag("pre", tag("code", _literal(found[1], reader))))
        at = found.end()
    parts.append(_lines(text[at:], reader, verbatim=verbatim))
    return join(parts)


def link(address: str, label: str) -> Html:
    """Link to a web or mail address; any other scheme is only shown."""
    if not address.lower().startswith(_SAFE_SCHEMES):
        return escaped(label)
    return tag("a", label, href=address, target="_blank", rel="noreferrer noopener")


def mention(label: str, *, is_reader: bool = False) -> Html:
    return tag("span", label, class_="mention mention-me" if is_reader else "mention")


def _lines(text: str, reader: Reader, *, verbatim: bool) -> Html:
    """Divide into quoted and other lines; each run of quoted ones is one quotation."""
    out: list[Html] = []
    quoted: list[Html] = []
    plain_lines: list[Html] = []

    def flush() -> None:
        if quoted:
            out.append(tag("blockquote", _broken(quoted)))
            quoted.clear()
        if plain_lines:
            out.append(_broken(plain_lines))
            plain_lines.clear()

    for line in text.strip("\n").split("\n") if text.strip("\n") else []:
        quote = _QUOTE.match(line)
        if bool(quote) != bool(quoted):
            flush()
        (quoted if quote else plain_lines).append(
            _line(quote[1] if quote else line, reader, verbatim=verbatim)
        )
    flush()
    return join(out)


def _broken(lines: list[Html]) -> Html:
    return Html("<br>".join(lines))


def _line(text: str, reader: Reader, *, verbatim: bool) -> Html:
    """Read one line: what is code or a control sequence is set aside before marks are looked for."""
    aside: list[Html] = []

    def set_aside(made: Html) -> str:
        aside.append(made)
        return f"\x00{len(aside) - 1}\x00"

    def code(found: re.Match[str]) -> str:
        return set_aside(tag("code", _literal(found[1], reader)))

    text = text.replace("\x00", "")
    text = _CODE.sub(code, text)
    text = _CONTROL.sub(lambda found: set_aside(control(found[1], reader)), text)
    if not verbatim:
        text = _ADDRESS.sub(lambda found: set_aside(link(_unescaped(found[0]), _unescaped(found[0]))), text)
    marked = escape(with_emoji(_unescaped(text)))
    for pattern, name in _MARKS:
        marked = pattern.sub(rf"<{name}>\1</{name}>", marked)
    return Html(re.sub(r"\x00(\d+)\x00", lambda found: aside[int(found[1])], marked))


def _literal(text: str, reader: Reader) -> Html:
    """Inside code only the names behind control sequences are read."""
    return escaped(_unescaped(_CONTROL.sub(lambda found: _text_of(control(found[1], reader)), text)))


def _text_of(made: Html) -> str:
    return re.sub(r"<[^>]+>", "", made)


def control(inner: str, reader: Reader) -> Html:
    """Read what stands between angle brackets: a mention, a date or a link."""
    body, _, label = inner.partition("|")
    read = _CONTROLS.get(body[:1])
    if read is not None:
        return read(body[1:], _unescaped(label), reader)
    return link(_unescaped(body), _unescaped(label) or _unescaped(body).removeprefix("mailto:"))


def _user(body: str, _label: str, reader: Reader) -> Html:
    return mention(f"@{reader.user_name(body)}", is_reader=body == reader.person.id)


def _channel(body: str, label: str, reader: Reader) -> Html:
    return mention(f"#{label or reader.channel_name(body)}")


def _special(body: str, label: str, reader: Reader) -> Html:
    kind, _, rest = body.partition("^")
    if kind == "date":
        timestamp, _, layout = rest.partition("^")
        layout, _, address = layout.partition("^")
        if not timestamp.isdecimal():
            return escaped(label)
        written = reader.formatted(int(timestamp), _unescaped(layout))
        moment = tag("time", written, title=label)
        return link(address, written) if address else moment
    if kind == "subteam":
        return mention(label or f"@{reader.group_name(rest)}")
    return mention(f"@{kind}", is_reader=True)


_CONTROLS: dict[str, Callable[[str, str, Reader], Html]] = {"@": _user, "#": _channel, "!": _special}


def _unescaped(text: str) -> str:
    return _ENTITIES.sub(lambda found: unescape(found[0]), text)
