"""The Slack app's manifest, for both ways in which Slack can reach the bot."""

import re
from importlib import resources
from pathlib import Path
from urllib.parse import quote

CREATE_APP = "https://api.slack.com/apps?new_app=1&manifest_yaml="
_SOCKET_MODE = "  socket_mode_enabled: true\n"
_INTERACTIVITY = "    is_enabled: true\n"
_EVENTS = "  event_subscriptions:\n"
_COMMAND = "    - command: /terminate-workflow\n"
_PATH = "/slack/events"
# Nothing that YAML would read as something else, and nothing that Slack's path cannot stand behind.
_ADDRESS = re.compile(
    r"https://((?:[a-z0-9][a-z0-9.-]*|\[[0-9a-f:]+\])(?::[0-9]{1,5})?(?:/[a-z0-9._~%-]+)*)/*", re.IGNORECASE
)


def manifest(mode: str, url: str | None) -> str:
    """Return the manifest for ``socket`` or ``http``. Raises ValueError, which says what has to be given."""
    if mode == "http":
        return http_manifest(url or "")
    if url is not None:
        raise ValueError(
            "--url is for --mode http alone: in Socket Mode Haltbot calls Slack, not Slack Haltbot"
        )
    return socket_manifest()


def socket_manifest() -> str:
    """Return ``manifest.yml`` as it is: it is written for Socket Mode."""
    beside = Path(__file__).parents[2] / "manifest.yml"
    if beside.exists():
        return beside.read_text()
    return resources.files("bot").joinpath("manifest.yml").read_text()


def http_manifest(url: str) -> str:
    """Return it for HTTP, with ``url`` as the address at which Slack reaches Haltbot. Raises ValueError."""
    events = _events(url)
    return (
        socket_manifest()
        .partition("\n")[2]
        .replace(_SOCKET_MODE, "  socket_mode_enabled: false\n")
        .replace(_INTERACTIVITY, f"{_INTERACTIVITY}    request_url: {events}\n")
        .replace(_EVENTS, f"{_EVENTS}    request_url: {events}\n")
        .replace(_COMMAND, f"{_COMMAND}      url: {events}\n")
    )


def create_link(manifest: str) -> str:
    """Make the address that opens Slack's form for a new app, filled in with the manifest."""
    # Comments are for people who read the file, and an address is better short.
    lines = [line for line in manifest.splitlines() if not line.lstrip().startswith("#")]
    return CREATE_APP + quote("\n".join(lines) + "\n", safe="")


def _events(url: str) -> str:
    """Name the address to which Slack posts, whether its path was given along or not."""
    address = _ADDRESS.fullmatch(url.strip())
    if address is None:
        raise ValueError(
            "--mode http needs --url https://…, nothing but the address at which Slack reaches Haltbot, such as"
            " https://haltbot.example.com"
        )
    return f"https://{address[1].removesuffix(_PATH)}{_PATH}"
