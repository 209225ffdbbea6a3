"""Builds HTML in which every text is escaped unless it was built here."""

import html
from collections.abc import Iterable

VOID = frozenset({"br", "hr", "img", "input", "meta", "link"})


class Html(str):
    """Markup that may stand in the page as it is; any other string is text."""

    __slots__ = ()


Child = str | None | Iterable["Child"]
Attribute = str | int | float | bool | None


def escaped(text: str) -> Html:
    return Html(html.escape(text))


def join(*children: Child) -> Html:
    """Put children one after the other: markup as it is, text escaped, None left out."""
    return Html("".join(_parts(children)))


def tag(name: str, /, *children: Child, **attributes: Attribute) -> Html:
    """Build one element; ``class_`` stands for ``class``, ``_`` in a name for ``-``, None and False for none."""
    written = "".join(
        f" {_name(key)}" if value is True else f' {_name(key)}="{html.escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{join(*children)}</{name}>")


def _name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _parts(children: Iterable[Child]) -> Iterable[str]:
    for child in children:
        if child is None:
            continue
        if isinstance(child, Html):
            yield str(child)
        elif isinstance(child, str):
            yield html.escape(child)
        else:
            yield from _parts(child)
