"""The published manifest is what the code registers and calls, in both modes."""

import json
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from sources import SOURCES

import handlers
from bot.cli import main as cli
from bot.messages.connections import CONNECT_LINK
from bot.messages.keys import KEY_LINK, KEY_REMOVE
from bot.messages.termination import AUTHORISE, CONNECT, FORCE_TERMINATE, KEEP_RUNNING, TERMINATE_SOFTLY
from bot.operations.manifest import http_manifest, socket_manifest
from handlers.responder import Responder

ROOT = Path(__file__).parent.parent
URL = "https://haltbot.example.com"
MANIFESTS = {"socket": yaml.safe_load(socket_manifest()), "http": yaml.safe_load(http_manifest(URL + "/"))}

#: What Slack asks for each method that the code may call; where there are several, any one of them will do.
SCOPES: dict[str, set[str]] = {
    "auth.test": set(),
    "apps.connections.open": set(),  # the app-level token's own scope, which no manifest contains
    "chat.postEphemeral": {"chat:write"},
    "chat.delete": {"chat:write"},
    "chat.postMessage": {"chat:write"},
    "chat.update": {"chat:write"},
    "conversations.history": {"channels:history", "groups:history"},
    "conversations.members": {"channels:read", "groups:read"},
    "conversations.info": {"channels:read", "groups:read"},
    "usergroups.users.list": {"usergroups:read"},
    "users.info": {"users:read"},
    "views.open": set(),
    "views.publish": set(),
    "views.update": set(),
}
EVENT_SCOPES = {
    "app_home_opened": set(),
    "app_uninstalled": set(),
    "channel_id_changed": {"channels:read", "groups:read"},
    "channel_shared": {"channels:read", "groups:read"},
    "channel_unshared": {"channels:read", "groups:read"},
    "tokens_revoked": set(),
}
_METHOD = re.compile(
    r"\b((?:apps|auth|chat|conversations|usergroups|users|views)[._][a-z]+(?:[._][a-zA-Z]+)*)\b"
)


class Registrations:
    """Takes down what the handlers register, in Bolt's place."""

    def __init__(self) -> None:
        self.names: dict[str, list[Any]] = defaultdict(list)

    def __getattr__(self, kind: str) -> Callable[..., Callable[..., Any]]:
        def register(name: Any, *_: Any, **__: Any) -> Callable[..., Any]:
            self.names[kind].append(name)
            return lambda listener: listener

        return register


@pytest.fixture(name="registered", scope="module")
def _registered() -> dict[str, list[Any]]:
    registrations: Any = Registrations()
    # Registering stores what it is given and calls nothing of it.
    nothing: Any = None
    handlers.register(registrations, Responder(nothing), nothing)
    names: dict[str, list[Any]] = registrations.names
    return names


@pytest.fixture(name="manifest", params=sorted(MANIFESTS))
def _manifest(request: pytest.FixtureRequest) -> dict[str, Any]:
    manifest: dict[str, Any] = MANIFESTS[request.param]
    return manifest


def test_it_fits_slack_s_schema(manifest):
    """Slack's own schema, version 2; without metadata Slack would assume version 1."""
    schema = json.loads((ROOT / "tests" / "manifest.schema.json").read_text())

    jsonschema.validate(manifest, schema)
    assert 2 == manifest["_metadata"]["major_version"]


def test_its_commands_are_answered(manifest, registered):
    """Every published command has a listener, and every listener a published command."""
    published = [command["command"] for command in manifest["features"]["slash_commands"]]

    assert sorted(registered["command"]) == sorted(published)


def test_every_button_is_answered(registered):
    """What a message offers to press has a listener."""
    assert {FORCE_TERMINATE, TERMINATE_SOFTLY, KEEP_RUNNING, AUTHORISE, CONNECT} <= set(registered["action"])
    assert {KEY_LINK, KEY_REMOVE, CONNECT_LINK} <= set(registered["action"])


def test_its_events_are_listened_to(manifest, registered):
    """No subscription without a listener, no listener that never hears anything."""
    subscribed = manifest["settings"].get("event_subscriptions", {}).get("bot_events", [])

    assert sorted(registered["event"]) == sorted(subscribed)
    assert set(subscribed) <= EVENT_SCOPES.keys()
    assert set().union(*(EVENT_SCOPES[name] for name in subscribed)) <= {*scopes(manifest)}


def test_its_scopes_are_those_of_the_calls(manifest):
    """No scope for a future feature, and none missing for what the code calls."""
    scopes = manifest["oauth_config"]["scopes"]
    called = called_methods()

    assert called <= SCOPES.keys()
    assert {"commands"}.union(*(SCOPES[method] for method in called)) == {
        *scopes["bot"],
        *scopes.get("bot_optional", []),
    }


def scopes(manifest) -> list[str]:
    asked = manifest["oauth_config"]["scopes"]
    return [*asked["bot"], *asked.get("bot_optional", [])]


def called_methods() -> set[str]:
    found = {
        quoted
        for source in SOURCES
        for quoted in re.findall(r'"([a-zA-Z.]+)"', source.read_text())
        if _METHOD.fullmatch(quoted) and "." in quoted
    }
    return found - {"apps.connections.open"}


def test_the_schema_s_gaps_are_closed(manifest):
    """A colour, addresses where HTTP needs them and none where Socket Mode does."""
    settings, features = manifest["settings"], manifest["features"]

    assert re.fullmatch(r"#[0-9a-f]{6}", manifest["display_information"]["background_color"])
    assert settings["interactivity"]["is_enabled"]
    wanted = None if settings["socket_mode_enabled"] else f"{URL}/slack/events"
    assert wanted == settings["interactivity"].get("request_url")
    assert [wanted] * len(features["slash_commands"]) == [c.get("url") for c in features["slash_commands"]]
    if "event_subscriptions" in settings:
        assert wanted == settings["event_subscriptions"].get("request_url")


def test_what_is_typed_comes_as_it_was_typed(manifest):
    """Slack turns neither names into ids nor signs into entities: the reason goes to Bitrix24 as it is."""
    assert [False] == [command["should_escape"] for command in manifest["features"]["slash_commands"]]


def test_both_modes_differ_in_their_transport_alone():
    """The app is the same, whichever way Slack reaches it."""

    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            left_out = {"url", "request_url", "socket_mode_enabled"}
            return {name: bare(inner) for name, inner in value.items() if name not in left_out}
        return [bare(inner) for inner in value] if isinstance(value, list) else value

    assert bare(MANIFESTS["socket"]) == bare(MANIFESTS["http"])
    assert [False, True] == [
        MANIFESTS[mode]["settings"]["socket_mode_enabled"] for mode in ("http", "socket")
    ]


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.run(["manifest", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_the_command_line_prints_them(capsys):
    """What is printed is what is tested here."""
    socket = printed(capsys)
    code, http, _ = printed(capsys, "--mode", "http", "--url", URL)

    assert (0, (ROOT / "manifest.yml").read_text(), "") == socket
    assert (0, MANIFESTS["http"]) == (code, yaml.safe_load(http))


@pytest.mark.parametrize(
    ("given", "events"),
    [
        ("https://haltbot.example.com/slack/events", f"{URL}/slack/events"),
        ("HTTPS://haltbot.example.com/slack/events/", f"{URL}/slack/events"),
        (" https://haltbot.example.com:8443/bot ", f"{URL}:8443/bot/slack/events"),
    ],
)
def test_an_address_is_taken_as_people_write_it(given, events):
    """With the path that Slack's own page shows, in capitals, on a port or below a path."""
    assert events == yaml.safe_load(http_manifest(given))["settings"]["interactivity"]["request_url"]


@pytest.mark.parametrize(
    "address",
    [
        [],
        *(
            ["--url", address]
            for address in (
                "http://haltbot.example.com",
                "",
                "https://",
                "https:///slack/events",
                "https://x # y",
                "https://x/?a=b",
                "https://x/#y",
                "https://user@x",
                "https://x y",
                "https://[",
            )
        ),
    ],
)
def test_http_needs_an_address_with_https(capsys, address):
    """Slack accepts no other."""
    code, _, told = printed(capsys, "--mode", "http", *address)

    assert 1 == code
    assert "--url https://" in told
