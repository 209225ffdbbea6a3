"""Which workspace a thing of Slack's belongs to, and who is an outsider there: pure functions.

A workspace is named by one text: ``T…`` where it stands alone, ``E…/T…`` where it is part of an Enterprise
organisation, and ``E…`` where Slack names the organisation and no workspace. Keys, settings and terminations
are filed under it, so that nothing of one organisation is ever found under another.
"""

from collections.abc import Collection

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
