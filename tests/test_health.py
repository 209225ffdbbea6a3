"""What a monitor sees: alive, ready, and numbers, in both modes."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from workspace import Workspace, workspace

from bot.domain.errors import HaltbotError
from bot.operations.serving import _not_listening


@pytest.fixture(name="http")
async def _http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


def url(work: Workspace, path: str) -> str:
    return f"http://127.0.0.1:{work.port}{path}"


async def ready(work: Workspace, http: httpx.AsyncClient, status: int) -> dict[str, bool]:
    """Ask until the answer has this status; each question takes its time, so nothing spins."""
    async with asyncio.timeout(8):
        while (answer := await http.get(url(work, "/readyz"))).status_code != status:
            pass
    ready: dict[str, bool] = answer.json()
    return ready


async def test_a_running_bot_is_alive_and_ready(either: Workspace, http: httpx.AsyncClient):
    """Database, Slack and worker are named one by one."""
    checks = await ready(either, http, 200)
    alive = await http.get(url(either, "/healthz"))

    assert {"database": True, "slack": True, "worker": True} == checks
    assert 200 == alive.status_code


async def test_metrics_are_in_prometheus_s_format(either: Workspace, http: httpx.AsyncClient):
    """The text format, with its content type."""
    answer = await http.get(url(either, "/metrics"))

    assert 200 == answer.status_code
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "# HELP" in answer.text


async def test_the_command_is_taken_in_by_http_mode_alone(either: Workspace, http: httpx.AsyncClient):
    """Over Socket Mode nothing signs a request, so no door is open for one."""
    answer = await http.post(url(either, "/slack/events"), content=b"command=x")

    assert (404 if either.settings.socket_mode else 401) == answer.status_code


async def test_it_is_not_ready_until_slack_has_answered(tmp_path: Path, http: httpx.AsyncClient):
    """Slack is away at the start: alive, not ready, and a command is taken in all the same."""
    async with workspace(tmp_path, start=False) as work:
        work.slack.fail("auth.test", "internal_error", times=99)
        await work.start()
        checks = await ready(work, http, 503)
        alive = await http.get(url(work, "/healthz"))
        delivery = await work.command("help")

    assert {"database": True, "slack": False, "worker": True} == checks
    assert 200 == alive.status_code
    assert delivery.ok


@pytest.fixture(name="curious")
async def _curious(
    tmp_path: Path, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Workspace]:
    """A ready bot that asks Slack who it is many times a second instead of once a minute."""
    monkeypatch.setattr("bot.slack.bolt._LOOK_SECONDS", 0.02)
    monkeypatch.setattr("bot.slack.bolt._ASK_AGAIN_SECONDS", 0.02)
    async with workspace(tmp_path) as work:
        await ready(work, http, 200)
        yield work


async def test_slack_s_silence_is_seen_while_it_runs(curious: Workspace, http: httpx.AsyncClient):
    """And its end: Slack is asked again and again."""
    curious.slack.fail("auth.test", "internal_error", times=9999)
    silent = await ready(curious, http, 503)
    curious.slack.stop_failing()
    again = await ready(curious, http, 200)

    assert (False, True) == (silent["slack"], again["slack"])


async def test_a_token_that_is_revoked_ends_a_bot_that_has_nothing_to_tell(curious: Workspace):
    """Nobody has to send a command first; what is no matter of the token ends nothing."""
    curious.slack.fail("auth.test", "team_access_not_granted", times=3)
    await curious.slack.wait_for(lambda: len(curious.slack.calls_of("auth.test")) > 5)
    curious.slack.fail("auth.test", "token_revoked", times=9999)
    with pytest.raises(HaltbotError) as refused:
        await curious.ended()

    assert "SLACK_BOT_TOKEN: Slack refused it (token_revoked)" in str(refused.value)


async def test_a_lost_socket_is_not_ready(tmp_path: Path, http: httpx.AsyncClient):
    """Socket Mode without a connection brings no command, and the monitor sees it."""
    async with workspace(tmp_path, mode="socket") as work:
        await ready(work, http, 200)
        work.slack.down = True
        checks = await ready(work, http, 503)

    assert (True, False) == (checks["database"], checks["slack"])


@pytest.mark.parametrize("error", ["invalid_auth", "account_inactive"])
async def test_a_refused_token_ends_the_bot_with_a_sentence(tmp_path: Path, error: str):
    """Waiting would not help: the sentence names the variable and what to do, not the token."""
    async with workspace(tmp_path, start=False) as work:
        work.slack.fail("auth.test", error, times=99)
        await work.start()
        with pytest.raises(HaltbotError) as refused:
            await work.ended()

    assert f"SLACK_BOT_TOKEN: Slack refused it ({error})" in str(refused.value)
    assert work.slack.bot_token not in str(refused.value)


async def test_a_port_in_use_is_named(work: Workspace, tmp_path: Path):
    """The second bot says which setting to change."""
    folder = tmp_path / "second"
    folder.mkdir()
    with pytest.raises(HaltbotError, match=f"HALTBOT_PORT: 127.0.0.1:{work.port} is in use"):
        async with workspace(folder, haltbot_port=work.port):
            raise AssertionError("it has started")


async def test_an_address_of_another_machine_is_named(tmp_path: Path):
    """An address that is nobody's here; the port is not to blame."""
    with pytest.raises(HaltbotError, match=r"HALTBOT_HOST: 192\.0\.2\.1 is no address of this machine"):
        async with workspace(tmp_path, haltbot_host="192.0.2.1"):
            raise AssertionError("it has started")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            PermissionError(errno.EACCES, "Permission denied"),
            "HALTBOT_PORT: 80 may not be listened on; ports below",
        ),
        (socket.gaierror(-2, "Name or service not known"), "HALTBOT_HOST: here is no address"),
        (OSError(errno.EMFILE, "Too many open files"), "cannot listen on here:80 (Too many open files)"),
    ],
)
async def test_whatever_keeps_it_from_listening_is_named(error: OSError, told: str):
    """Each with the setting that has to be corrected."""
    assert told in _not_listening("here", 80, error)
