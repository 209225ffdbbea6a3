"""The dialog in which a channel's settings are changed, and how it is read back."""

import json
from collections.abc import Mapping
from typing import Any

from bot.domain.channel_settings import ChannelSettings, Role, SecondPerson
from bot.messages.blocks import plain, text_input
from bot.messages.language import N_, _

CONFIGURE = "settings_change"
_SWITCHES = N_(
    {
        "break_glass": "Break glass: force alone, loudly, with a reason",
        "force_needs_reason": "A force needs a reason",
        "type_last_four": "A force needs the ID's last four characters",
    }
)
_ROLES = N_(
    {
        Role.SOFT: "Who may stop a workflow softly",
        Role.FORCE: "Who may ask for a force",
        Role.CONFIGURE: "Who may change these settings",
        Role.APPROVE: "Who may approve what needs a second person",
    }
)
_SECOND = N_(
    {
        SecondPerson.OFF: "not needed",
        SecondPerson.ALWAYS: "always",
        SecondPerson.OUTSIDE_ON_CALL: "unless the requester is on call",
    }
)


def dialog(settings: ChannelSettings, *, place: str, channel: str) -> dict[str, Any]:
    """Show the settings as they are, to be changed."""
    who = _(
        "everyone, admins, or ids of people (U…) and user groups (S…), with commas between; empty: nobody"
    )
    blocks = [
        *(
            _text(role, _(label), ", ".join(settings.grant(role).words), who)
            for role, label in _ROLES.items()
        ),
        _second(settings),
        _text("on_call", _("On call: a user group"), settings.on_call or "", _("its id, such as S0123ABCD")),
        _switches(settings),
        _text(
            "breaker_limit",
            _("More terminations than this need a second person for an hour"),
            str(settings.breaker_limit),
            _("0: no such limit"),
        ),
        _text(
            "breaker_minutes",
            _("The minutes over which terminations are counted"),
            str(settings.breaker_minutes),
            _("1 to 1440"),
        ),
        _text(
            "portal",
            _("The portal's address"),
            settings.portal or "",
            _("https://acme.bitrix24.com, for links"),
        ),
        _text(
            "allowed_teams",
            _("Other teams of a shared channel that may use Haltbot here"),
            ", ".join(settings.allowed_teams),
            _("their ids (T…); empty: none"),
        ),
    ]
    return {
        "type": "modal",
        "callback_id": CONFIGURE,
        "private_metadata": json.dumps({"place": place, "channel": channel}),
        "title": plain(_("Haltbot's settings")),
        "submit": plain(_("Change")),
        "close": plain(_("Leave as it is")),
        "blocks": blocks,
    }


def entered(view: Mapping[str, Any]) -> dict[str, Any]:
    """Read the settings as they were entered; every one that the dialog shows is there."""
    states: dict[str, Mapping[str, Any]] = {
        name: next(iter(block.values()), {})
        for name, block in view["state"]["values"].items()
        if isinstance(block, Mapping)
    }
    switched = {option["value"] for option in states.get("switches", {}).get("selected_options") or ()}
    changes: dict[str, Any] = {name: name in switched for name in _SWITCHES}
    chosen = states.get("second_person", {}).get("selected_option") or {}
    changes["second_person"] = chosen.get("value", SecondPerson.ALWAYS)
    for name, state in states.items():
        if name not in ("switches", "second_person"):
            changes[name] = state.get("value") or ""
    for name in ("breaker_limit", "breaker_minutes"):
        changes[name] = changes.get(name) or None
    return changes


def block_of(name: str) -> str:
    """Name the input under which a mistake about a setting is shown."""
    return "switches" if name in _SWITCHES else name


def _text(name: str, label: str, value: str, hint: str) -> dict[str, Any]:
    initial = {"initial_value": value} if value else {}
    shown = text_input(name, label, max_length=1000, **initial)
    return shown | {"hint": plain(hint), "optional": True}


def _second(settings: ChannelSettings) -> dict[str, Any]:
    options = {choice: {"text": plain(_(label)), "value": choice.value} for choice, label in _SECOND.items()}
    element = {
        "type": "static_select",
        "action_id": "second_person",
        "options": list(options.values()),
        "initial_option": options[settings.second_person],
    }
    label = plain(_("A force needs a second person"))
    return {"type": "input", "block_id": "second_person", "label": label, "element": element}


def _switches(settings: ChannelSettings) -> dict[str, Any]:
    options = {name: {"text": plain(_(label)), "value": name} for name, label in _SWITCHES.items()}
    on = [option for name, option in options.items() if getattr(settings, name)]
    element: dict[str, Any] = {
        "type": "checkboxes",
        "action_id": "switches",
        "options": list(options.values()),
    }
    if on:
        element["initial_options"] = on
    return {
        "type": "input",
        "block_id": "switches",
        "label": plain(_("Force")),
        "optional": True,
        "element": element,
    }
