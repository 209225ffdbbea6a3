"""Who else is in the workspace when people look at it: an admin, who approves, a guest, a partner, and channels."""

from dataclasses import dataclass

from sandbox.slack import Channel, Person, SlackSandbox

PARTNER_TEAM = "T0PARTNER"


@dataclass(frozen=True)
class Cast:
    approver: Person
    guest: Person
    partner: Person
    shared: Channel
    private: Channel


def add_cast(slack: SlackSandbox) -> Cast:
    """Add them to the people and channels that are there already."""
    own = list(slack.workspace.people.values())
    approver = slack.add_person("Ada", admin=True, tz="Europe/Berlin", locale="de-DE")
    slack.add_user_group("approvers", [approver])
    return Cast(
        approver=approver,
        guest=slack.add_person("Gus", guest=True),
        partner=slack.add_person("Pat", team=PARTNER_TEAM, tz="Asia/Tokyo"),
        shared=slack.add_channel("with-partners", shared_with=[PARTNER_TEAM]),
        private=slack.add_channel("night-shift", private=True, members=[*own, approver]),
    )
