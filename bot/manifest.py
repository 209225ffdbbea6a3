"""The Slack app's manifest, for both ways in which Slack can reach the bot."""

from importlib import resources
from pathlib import Path

_SOCKET_MODE = "  socket_mode_enabled: true\n"
_INTERACTIVITY = "    is_enabled: true\n"
_EVENTS = "  event_subscriptions:\n"
_COMMAND = "    - command: /terminate-workflow\n"


def socket_manifest() -> str:
    """Return ``manifest.yml`` as it is: it is written for Socket Mode."""
    beside = Path(__file__).parent.parent / "manifest.yml"
    if beside.exists():
        return beside.read_text()
    return resources.files("bot").joinpath("manifest.yml").read_text()


def http_manifest(url: str) -> str:
    """Return it for HTTP, with ``url`` as the address at which Slack reaches Haltbot."""
    events = f"{url.rstrip('/')}/slack/events"
    return (
        socket_manifest()
        .partition("\n")[2]
        .replace(_SOCKET_MODE, "  socket_mode_enabled: false\n")
        .replace(_INTERACTIVITY, f"{_INTERACTIVITY}    request_url: {events}\n")
        .replace(_EVENTS, f"{_EVENTS}    request_url: {events}\n")
        .replace(_COMMAND, f"{_COMMAND}      url: {events}\n")
    )
