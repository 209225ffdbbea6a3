"""A channel's settings in words: what they are, what was changed, and why something cannot be set."""

from collections.abc import Sequence

from bot.domain.channel_settings import ChannelSettings, Role, SecondPerson
from bot.domain.errors import SettingsNotAccepted
from bot.messages.language import N_, _
from bot.messages.permissions import people

_FAULTS = N_(
    {
        "no_such_setting": "There is no such setting; there are: {names}.",
        "on_call_missing": "“outside_on_call” needs on_call, a user group.",
        "not_words": "This must be a list of words.",
        "not_a_person": "“{word}” is neither everyone, admins, nobody, nor the id of a user (U…) or a user group (S…).",
        "nobody_and_others": "“nobody” goes with nothing else.",
        "not_a_choice": "This must be off, always or outside_on_call.",
        "not_a_group": "This must be the id of one user group, such as S0123ABCD.",
        "not_a_switch": "This must be true or false.",
        "not_a_number": "This must be a number from {lowest} to {highest}.",
        "not_an_address": "This must be the portal's address, such as https://acme.bitrix24.com.",
        "not_a_team": "“{word}” is not the id of a team (T…).",
    }
)


def setting_fault(wrong: SettingsNotAccepted) -> str:
    """Say what a setting needs; plain text, in which nothing is parsed."""
    return _(_FAULTS[wrong.fault], **wrong.values)


def settings_told(settings: ChannelSettings) -> str:
    """Show the settings to whoever may only see them."""
    lines = [
        _("*Haltbot's settings in this channel*"),
        *(
            _("Role *{role}*: {people}", role=role.value, people=people(settings.grant(role).words))
            for role in Role
        ),
        _second_person(settings),
        _("Break glass: yes") if settings.break_glass else _("Break glass: no"),
        _("Force needs a reason: yes") if settings.force_needs_reason else _("Force needs a reason: no"),
        _("Force needs the last four characters of the ID: yes")
        if settings.type_last_four
        else _("Force needs the last four characters of the ID: no"),
        _(
            "Breaker: more than {limit} in {minutes} min",
            limit=settings.breaker_limit,
            minutes=settings.breaker_minutes,
        )
        if settings.breaker_limit
        else _("Breaker: off"),
        _("Portal: {portal}", portal=settings.portal) if settings.portal else _("Portal: not named"),
        _("Other teams that may use it: {teams}", teams=", ".join(settings.allowed_teams))
        if settings.allowed_teams
        else _("Other teams that may use it: none"),
    ]
    return "\n".join(lines)


def _second_person(settings: ChannelSettings) -> str:
    match settings.second_person:
        case SecondPerson.OFF:
            return _("Second person for a force: not needed")
        case SecondPerson.ALWAYS:
            return _("Second person for a force: always")
        case SecondPerson.OUTSIDE_ON_CALL:
            return _(
                "Second person for a force: unless the requester is in {group}",
                group=people([settings.on_call or ""]),
            )


def settings_changed(names: Sequence[str]) -> str:
    """Confirm a change privately."""
    if not names:
        return _("Nothing was different, so nothing was changed.")
    return _(
        "Changed: {names}. The audit has the old and the new values.",
        names=", ".join(f"*{name}*" for name in names),
    )
