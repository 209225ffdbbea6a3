"""The log: JSON for machines, lines for people, each with the reference of its termination, and no secret."""

import asyncio
import io
import json
import logging
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import running_bot
from workspace import workspace

from bot.messages.termination import FORCE_TERMINATE
from bot.observability import context
from bot.observability.logs import formatter, with_reference
from bot.observability.redaction import Redaction
from sandbox.vibecode import Step


@pytest.fixture(name="lines", params=["machine", "people"])
def _lines(request: pytest.FixtureRequest) -> Iterator[tuple[logging.Logger, io.StringIO, bool]]:
    """A logger of its own, set up as the command line does it."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(Redaction(["swordfish"]))
    handler.addFilter(with_reference)
    handler.setFormatter(formatter(for_people=request.param == "people"))
    log = logging.getLogger(f"test.{request.param}")
    log.propagate = False
    log.addHandler(handler)
    yield log, written, request.param == "machine"
    log.removeHandler(handler)


def test_a_line_tells_when_who_and_what(lines):
    """Arguments are filled in; the level is a field of its own."""
    log, written, machine = lines
    log.warning("Slack refused %s after %d tries", "a message", 3)
    text = written.getvalue()

    assert 1 == text.count("\n")
    assert "Slack refused a message after 3 tries" in text
    if machine:
        line = json.loads(text)
        assert {"event", "level", "logger", "timestamp"} == line.keys()
        assert ("warning", log.name) == (line["level"], line["logger"])


async def test_lines_carry_the_reference_of_their_own_task(lines):
    """Two terminations at once do not mix, and a line of neither has none."""
    log, written, machine = lines

    async def work(reference: str) -> None:
        context.reference.set(reference)
        await asyncio.sleep(0)
        log.warning("about %s", reference)

    await asyncio.gather(work("abc"), work("xyz"))
    log.warning("about nothing")
    first, second, third = written.getvalue().splitlines()

    for line, reference in ((first, "abc"), (second, "xyz")):
        assert f"about {reference}" in line
        assert reference == json.loads(line)["reference"] if machine else f"reference={reference}" in line
    assert "reference" not in third


def test_an_exception_is_kept_and_redacted(lines):
    """The traceback is there, without what is secret in it."""
    log, written, machine = lines
    try:
        raise ValueError("the password is swordfish, the key vibe_api_0123456789abcdef")
    except ValueError:
        log.exception("A fault with %s", "xoxb-1-2-secret")
    text = written.getvalue()

    assert "Traceback (most recent call last)" in text
    assert "ValueError: the password is [redacted], the key [redacted]" in text
    assert "xoxb-1" not in text
    if machine:
        assert "Traceback" in json.loads(text)["exception"]


def test_a_stack_is_kept(lines):
    """Asked for by whoever writes the line."""
    log, written, _ = lines
    log.warning("here", stack_info=True)

    assert "test_a_stack_is_kept" in written.getvalue()


async def test_a_running_bot_logs_json_with_references(tmp_path: Path):
    """Standard error is no terminal here: every line is an object, and those of a termination name it."""
    async with workspace(tmp_path, start=False) as work, running_bot(work) as bot:
        work.slack.fail("chat.postMessage", "not_in_channel")
        instance = work.vibecode.start_instance(steps=[Step(3600, locked=False)])
        await work.command(f"{instance} loops")
        await work.slack.wait_for(lambda: work.slack.calls_of("response_url"))
        assert 0 == await bot.stop(signal.SIGTERM)
        (asked,) = [event for event in await work.audit() if event["event"] == "requested"]

    lines = [json.loads(line) for line in bot.log]
    assert asked["reference"] in {line.get("reference") for line in lines}
    assert all(line["event"] and line["level"] and line["timestamp"] for line in lines)


async def test_the_log_follows_a_refused_stop(tmp_path: Path):
    """Whoever has the reference from a message finds what was done and how it ended; not why it was asked for."""
    async with workspace(tmp_path, start=False) as work, running_bot(work) as bot:
        work.vibecode.script("SCOPE_DENIED", method="DELETE")
        instance = work.vibecode.start_instance()
        await work.command(f"{instance} Ann's contract loops")
        await work.told("*Not stopped")
        assert 0 == await bot.stop(signal.SIGTERM)

        assert [
            ("info", f"Workflow {instance}: attempted"),
            ("info", f"Workflow {instance}: outcome, failed:SCOPE_DENIED"),
        ] == _about(bot.log, work.message().text)
    assert "Ann" not in "".join(bot.log)


async def test_the_log_follows_a_confirmed_force(tmp_path: Path):
    """The answer to the question stands there as well."""
    async with workspace(tmp_path, start=False) as work, running_bot(work) as bot:
        instance = work.vibecode.start_instance(stuck=True)
        await work.command(f"{instance} force deadlocks the CRM")
        await work.told("*Force-terminate")
        assert (await work.click(FORCE_TERMINATE)).ok
        await work.told("*Stopped:*")
        assert 0 == await bot.stop(signal.SIGTERM)

        assert [
            ("info", f"Workflow {instance}: answered force"),
            ("info", f"Workflow {instance}: snapshot"),
            ("info", f"Workflow {instance}: attempted"),
            ("info", f"Workflow {instance}: outcome, gone_verified"),
        ] == _about(bot.log, work.message().text)


def _about(log: list[str], message: str) -> list[tuple[str, str]]:
    reference = message.rpartition(" ref ")[2].strip()
    lines = [json.loads(line) for line in log]
    return [(line["level"], line["event"]) for line in lines if line.get("reference") == reference]
