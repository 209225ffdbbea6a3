"""Which workspace a thing of Slack's belongs to, and who is an outsider there: pure functions.

A workspace is named by one text: ``T…`` where it stands alone, ``E…/T…`` where it is part of an Enterprise
organisation, and ``E…`` where Slack names the organisation and no workspace. Keys, settings and terminations
are filed under it, so that nothing of one organisation is ever found under another.
"""

from collections.abc import Collection, Mapping
from typing import Any

_WITHIN = "/"


def workspace(team: str | None, enterprise: str | None) -> str:
    """Name a workspace; empty where Slack names neither."""
    return _WITHIN.join(part for part in (enterprise, team) if part)


def team_of(place: str) -> str | None:
    """Return the workspace's own id, as Slack's methods want it; None where only the organisation is known."""
    team = place.rpartition(_WITHIN)[2]
    return None if team.startswith("E") else team


def enterprise_of(place: str) -> str | None:
    """Return the organisation's id; None where there is none."""
    first = place.partition(_WITHIN)[0]
    return first if first.startswith("E") else None


def of_command(body: Mapping[str, Any]) -> str:
    """Tell where a command was run; in a form everything is a text, also what is missing."""
    return workspace(body.get("team_id"), body.get("enterprise_id"))


def of_event(body: Mapping[str, Any]) -> str:
    """Tell which installation an event is about."""
    if body.get("is_enterprise_install") in (True, "true") and not body.get("team_id"):
        return workspace(None, body.get("enterprise_id") or _authorized(body).get("enterprise_id"))
    return workspace(
        body.get("team_id") or _authorized(body).get("team_id"),
        body.get("enterprise_id") or _authorized(body).get("enterprise_id"),
    )


def of_click(body: Mapping[str, Any]) -> str:
    """Tell where a button or modal stands: the workspace that the message is in, not the person's own."""
    team = _id(body.get("team"))
    enterprise = _id(body.get("enterprise")) or (body.get("team") or {}).get("enterprise_id")
    own = body["user"].get("team_id")
    return workspace(team or (own if own != enterprise else None), enterprise)


def of_clicker(body: Mapping[str, Any]) -> str:
    """Tell where the person who clicked is at home.

    Slack leaves their team out in places; then they can only be of the workspace itself.
    """
    team, enterprise = body["user"].get("team_id"), enterprise_of(of_click(body))
    if not team or team == enterprise:
        return of_click(body)
    return workspace(team, enterprise)


def channel_of(body: Mapping[str, Any]) -> str:
    """Tell in which channel a button was pressed; empty on the Home tab, which is in none."""
    container, channel = body.get("container") or {}, body.get("channel") or {}
    return str(container.get("channel_id") or channel.get("id") or "")


def is_outsider(home: str, place: str, allowed_teams: Collection[str] = ()) -> bool:
    """Tell whether somebody who is at home there has no business in this workspace's channels.

    In an organisation, whoever Slack can only place in it as a whole belongs to each of its workspaces.
    """
    if home == place or (home != "" and home == enterprise_of(place)):
        return False
    return (team_of(home) or home) not in allowed_teams


def outside_teams(teams: Collection[str], place: str, allowed_teams: Collection[str]) -> frozenset[str]:
    """Of the teams that share a channel, those that must not see what happens in it."""
    ours = {team_of(place), enterprise_of(place)}
    return frozenset(teams) - ours - frozenset(allowed_teams)


def _id(value: Any) -> str | None:
    return value.get("id") if isinstance(value, Mapping) else None


def _authorized(body: Mapping[str, Any]) -> Mapping[str, Any]:
    first: Mapping[str, Any] = next(iter(body.get("authorizations") or ()), {})
    return first
