"""Real processes: the end comes in order, and what nobody can mend by waiting ends them with a sentence."""

import asyncio
import signal
import time
from pathlib import Path

import pytest
from processes import haltbot, running_bot, variables
from workspace import Workspace, workspace

from bot.operations.serving import DRAIN_SECONDS
from bot.slack import http
from sandbox.slack import SlackSandbox
from sandbox.slack.delivery import signed_headers
from sandbox.vibecode import Step

WAITING = Step(3600, locked=False)


@pytest.mark.parametrize("mode", ["http", "socket"])
async def test_sigterm_finishes_what_runs(tmp_path: Path, mode: str):
    """The call that is under way is seen to its end and told; the exit code is 0."""
    async with workspace(tmp_path, mode=mode, start=False) as work:
        instance = work.vibecode.start_instance(steps=[WAITING])
        work.vibecode.latency = 0.4
        async with running_bot(work) as bot:
            await work.command(f"{instance} looping")
            await work.vibecode.wait_for(lambda: work.vibecode.deletes(instance))
            code = await bot.stop(signal.SIGTERM)

        assert 0 == code
        assert "is gone (verified" in work.message().text
        assert 1 == len(work.vibecode.deletes(instance))
        assert "Traceback" not in "".join(bot.log)


async def test_sigterm_leaves_the_rest_for_the_next_start(tmp_path: Path):
    """What waits for its turn is not hurried; the next process takes it up at once."""
    async with workspace(tmp_path, start=False, haltbot_vibecode_rate=2) as work:
        instances = work.vibecode.start_many(3, steps=[WAITING])
        async with running_bot(work) as bot:
            for instance in instances:
                await work.command(f"{instance} looping")
            began = time.monotonic()
            code = await bot.stop(signal.SIGTERM)
            took = time.monotonic() - began
        done_before = len(work.vibecode.deletes())
        async with running_bot(work):
            await work.slack.wait_for(lambda: told(work) == 3, 15)

        assert 0 == code
        assert took < DRAIN_SECONDS
        assert done_before < 3
        assert [1, 1, 1] == [len(work.vibecode.deletes(instance)) for instance in instances]


async def test_sigterm_closes_the_door_first(tmp_path: Path):
    """While what runs is drained, a new command is not let in to be left half done."""
    async with workspace(tmp_path, start=False) as work:
        instance, late = work.vibecode.start_many(2, steps=[WAITING])
        work.vibecode.latency = 0.6
        async with running_bot(work) as bot:
            await work.command(f"{instance} looping")
            await work.vibecode.wait_for(lambda: work.vibecode.deletes(instance))
            stopping = asyncio.create_task(bot.stop(signal.SIGTERM))
            await asyncio.sleep(0.2)
            delivery = await work.command(f"{late} too late")
            await stopping

        assert "dispatch_failed" == delivery.error
        assert [] == work.vibecode.deletes(late)
        assert "is gone (verified" in work.message().text


async def test_a_request_that_never_ends_does_not_hold_up_the_end(tmp_path: Path):
    """Nobody keeps the bot alive by dribbling a request."""
    async with workspace(tmp_path, start=False) as work, running_bot(work) as bot:
        carrier = work.slack.http_carriers[-1]
        port = int(carrier.url.split(":")[2].split("/")[0])
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        signed = signed_headers(work.slack.signing_secret, b"")
        lines = ["POST /slack/events HTTP/1.1", "Host: x", "Content-Length: 9"]
        lines += [f"{name}: {value}" for name, value in signed.items()]
        writer.write("\r\n".join([*lines, "", "x"]).encode())
        await writer.drain()
        began = time.monotonic()

        code = await bot.stop(signal.SIGTERM)

        writer.close()
        assert 0 == code
        assert time.monotonic() - began < http.SHUTDOWN_SECONDS + 15


@pytest.mark.parametrize(
    ("mode", "method", "code", "words"),
    [
        ("http", "auth.test", "invalid_auth", "SLACK_BOT_TOKEN"),
        ("http", "auth.test", "account_inactive", "SLACK_BOT_TOKEN"),
        ("socket", "auth.test", "token_revoked", "SLACK_BOT_TOKEN"),
        ("socket", "apps.connections.open", "invalid_auth", "SLACK_APP_TOKEN"),
        ("socket", "apps.connections.open", "missing_scope", "connections:write"),
        ("socket", "apps.connections.open", "link_disabled", "Socket Mode is on"),
    ],
)
async def test_what_only_a_person_can_mend_ends_with_a_sentence(
    tmp_path: Path, mode: str, method: str, code: str, words: str
):
    """At once, with exit code 1, what to fix, and no traceback."""
    async with workspace(tmp_path, mode=mode, start=False) as work:
        work.slack.fail(method, code, times=5)

        ended = await haltbot("run", environment=variables(work.settings))

        assert 1 == ended.code
        assert words in ended.err.strip().splitlines()[-1]
        assert code in ended.err
        assert "Traceback" not in ended.err


async def test_a_bot_without_its_scope_ends_with_a_sentence(tmp_path: Path):
    """It says which scope; the first outcome would otherwise go unsaid."""
    async with workspace(tmp_path, start=False) as work:
        work.slack.bot_scopes -= {"chat:write"}

        ended = await haltbot("run", environment=variables(work.settings))

        assert 1 == ended.code
        assert "missing_scope: chat:write" in ended.err


async def test_a_token_that_is_revoked_ends_a_running_bot_and_costs_no_outcome(tmp_path: Path):
    """With a new token the next process tells what this one could not."""
    async with workspace(tmp_path, start=False) as work:
        instance = work.vibecode.start_instance(steps=[WAITING])
        async with running_bot(work) as bot:
            await work.slack.wait_for(lambda: work.slack.calls_of("auth.test"))
            work.slack.fail("chat.postMessage", "token_revoked", times=5)
            await work.command(f"{instance} looping")
            code = await bot.ended()
        work.slack.stop_failing()
        async with running_bot(work):
            await work.told("is gone (verified")

        assert 1 == code
        assert "token_revoked" in "".join(bot.log)
        assert 1 == len(work.vibecode.deletes(instance))


async def test_a_link_that_is_disabled_ends_a_running_bot(tmp_path: Path):
    """Socket Mode was switched off: the sentence says where to switch it on."""
    async with workspace(tmp_path, mode="socket", start=False) as work, running_bot(work) as bot:
        await work.slack.disconnect("link_disabled")
        code = await bot.ended()

        assert 1 == code
        assert "Socket Mode is on" in bot.log[-1]


async def test_slack_out_of_reach_ends_nothing(tmp_path: Path):
    """The bot starts, serves its health, and connects once Slack is back."""
    async with SlackSandbox() as unreachable:
        url = unreachable.api_url
    async with (
        workspace(tmp_path, start=False, slack_api_url=url) as work,
        running_bot(work) as bot,
    ):
        await asyncio.sleep(0.5)

        assert bot.process.returncode is None
        assert 0 == await bot.stop(signal.SIGINT)


def told(work: Workspace) -> int:
    return sum("gone" in message.text for message in work.slack.channel_messages(work.channel))
