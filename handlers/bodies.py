"""Reads the bodies that Slack sends: who acts, from which workspace, and in which channel of which workspace."""

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from bot.domain.permissions import Actor
from bot.domain.workspace import enterprise_of, workspace

Body: TypeAlias = Mapping[str, Any]


def asker(body: Body) -> Actor:
    """Name whoever ran the command."""
    place = of_command(body)
    return Actor(user=body["user_id"], home=place, place=place, channel=body["channel_id"])


def clicker(body: Body, *, place: str | None = None) -> Actor:
    """Name whoever pressed a button; ``place`` is its workspace, where that is known better."""
    return Actor(
        user=body["user"]["id"],
        home=of_clicker(body),
        place=place or of_click(body),
        channel=channel_of(body),
    )


def of_command(body: Body) -> str:
    """Tell where a command was run; in a form everything is a text, also what is missing."""
    return workspace(body.get("team_id"), body.get("enterprise_id"))


def of_event(body: Body) -> str:
    """Tell which installation an event is about."""
    if body.get("is_enterprise_install") in (True, "true") and not body.get("team_id"):
        return workspace(None, body.get("enterprise_id") or _authorized(body).get("enterprise_id"))
    return workspace(
        body.get("team_id") or _authorized(body).get("team_id"),
        body.get("enterprise_id") or _authorized(body).get("enterprise_id"),
    )


def of_click(body: Body) -> str:
    """Tell where a button or modal stands: the workspace that the message is in, not the person's own."""
    team = _id(body.get("team"))
    enterprise = _id(body.get("enterprise")) or (body.get("team") or {}).get("enterprise_id")
    own = body["user"].get("team_id")
    return workspace(team or (own if own != enterprise else None), enterprise)


def of_clicker(body: Body) -> str:
    """Tell where the person who clicked is at home.

    Slack leaves their team out in places; then they can only be of the workspace itself.
    """
    team, enterprise = body["user"].get("team_id"), enterprise_of(of_click(body))
    if not team or team == enterprise:
        return of_click(body)
    return workspace(team, enterprise)


def channel_of(body: Body) -> str:
    """Tell in which channel a button was pressed; empty on the Home tab, which is in none."""
    container, channel = body.get("container") or {}, body.get("channel") or {}
    return str(container.get("channel_id") or channel.get("id") or "")


def where_and_who(body: Body) -> tuple[str, str]:
    """Find the channel and the person of a command, a click or a dialog, which keeps its channel itself."""
    if "channel_id" in body:
        return body["channel_id"], body["user_id"]
    user = str(body["user"]["id"])
    if body.get("view"):
        try:
            return str(json.loads(body["view"]["private_metadata"])["channel"]), user
        except (ValueError, LookupError, TypeError):
            return user, user
    return channel_of(body), user


def _id(value: Any) -> str | None:
    return value.get("id") if isinstance(value, Mapping) else None


def _authorized(body: Body) -> Mapping[str, Any]:
    first: Mapping[str, Any] = next(iter(body.get("authorizations") or ()), {})
    return first
