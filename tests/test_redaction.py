"""No secret leaves the process: not in logs, messages, audit, metrics or the database file, at any level."""

import io
import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from processes import haltbot, running_bot, variables
from workspace import Workspace, workspace

from bot.messages.termination import FORCE_TERMINATE
from bot.observability.redaction import MASK, Redaction
from sandbox.vibecode import Step

WAITING = Step(3600, locked=False)
TOKEN = "xoxb-123456789012-abcdefGHIJKL"
URL = "https://hooks.slack.com/commands/T01/123456/aBcDeFgHiJkL"


@pytest.fixture(name="log")
def _log() -> Iterator[io.StringIO]:
    """A handler with the filter in front of it, at DEBUG."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(Redaction(["a-configured-secret", "key-one-of-two,key-two-of-two"]))
    logger = logging.getLogger("redaction-test")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield stream
    logger.removeHandler(handler)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"token={TOKEN}", "abcdefGHIJKL"),
        ("refresh xoxe.xoxb-1-abcdefgh", "abcdefgh"),
        ("app xapp-1-A1-99-abcdefgh", "abcdefgh"),
        ("key vibe_api_abcdefgh_123", "abcdefgh"),
        ("session vibe_session_abcdefgh-1", "abcdefgh"),
        (URL, "aBcDeFgHiJkL"),
        (URL.replace("/", "%2F").replace(":", "%3A"), "aBcDeFgHiJkL"),
        (f"token=1&response_url={URL}&x=1", "aBcDeFgHiJkL"),
        ('{"response_url": "http://elsewhere/abcdefgh"}', "abcdefgh"),
        ('{"response_url":"http://elsewhere/abcdefgh"}', "abcdefgh"),
        ("{'response_url': 'http://elsewhere/abcdefgh'}", "abcdefgh"),
        (json.dumps(json.dumps({"response_url": "http://elsewhere/abcdefgh"})), "abcdefgh"),
        ("response_url=http%3A%2F%2Felsewhere%2Fabcdefgh", "abcdefgh"),
        ("Authorization: Bearer abcdefgh.ijk", "abcdefgh"),
        ("{'authorization': 'Bearer abcdefgh'}", "abcdefgh"),
        ("(b'X-Api-Key', b'abcdefgh')", "abcdefgh"),
        ("{'x-api-key': 'abcdefgh'}", "abcdefgh"),
        ("wss://wss-primary.slack.com/link/?ticket=abcdefgh&app_id=1", "abcdefgh"),
        ("ws://127.0.0.1:1/socket?ticket=abcdefgh", "abcdefgh"),
        ("postgresql://haltbot:abcdefgh@db:5432/haltbot", "abcdefgh"),
        (f"X-Slack-Signature: v0={'ab' * 32}", "abababab"),
        ("it is a-configured-secret.", "a-configured-secret"),
        ("only key-two-of-two", "key-two-of-two"),
    ],
)
def test_a_secret_is_masked_however_it_is_written(log: io.StringIO, text: str, secret: str):
    """In a form, in JSON, in JSON in JSON, in a header, in an address."""
    logging.getLogger("redaction-test").debug("seen: %s", text)

    assert secret not in log.getvalue()
    assert MASK in log.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "Termination abc of 69f0c2d5ade389.22457798 in C01 by U02",
        "http://127.0.0.1:3000/slack/events answered 200",
        "The reason was payload: 10:30 in Berlin, mail a@b.example",
    ],
)
def test_what_is_no_secret_stays_readable(log: io.StringIO, text: str):
    """A log that masks everything helps nobody."""
    logging.getLogger("redaction-test").info(text)

    assert f"{text}\n" == log.getvalue()


def test_tracebacks_and_stacks_are_masked(log: io.StringIO):
    """Also the cause behind an error, and what a logger was given as its stack."""
    try:
        try:
            raise ValueError(f"bad token {TOKEN}")
        except ValueError as error:
            raise RuntimeError(f"no answer from {URL}") from error
    except RuntimeError:
        logging.getLogger("redaction-test").exception("It failed.", stack_info=True)

    assert "RuntimeError" in log.getvalue()
    assert "direct cause" in log.getvalue()
    assert "abcdefGHIJKL" not in log.getvalue()
    assert "aBcDeFgHiJkL" not in log.getvalue()


def test_a_fault_in_a_log_call_stays_in_the_log(log: io.StringIO):
    """A library's wrong arguments must not become an error in what it was doing."""
    logging.getLogger("redaction-test").info("%d of them, %s", TOKEN, "two")

    assert "could not be shown" in log.getvalue()
    assert "abcdefGHIJKL" not in log.getvalue()


@pytest.mark.parametrize("where", ["main", "thread"])
def test_what_nobody_caught_is_masked(where: str):
    """Python prints such a traceback itself, past every handler."""
    raising = f"raise ValueError('{TOKEN}')"
    started = {"main": raising, "thread": f"threading.Thread(target=lambda: exec({raising!r})).start()"}[
        where
    ]
    program = f"import threading; from bot.observability.logs import set_up_logging; set_up_logging('INFO', []); {started}"

    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )

    assert "ends of a fault" in ended.stderr
    assert "ValueError" in ended.stderr
    assert "abcdefGHIJKL" not in ended.stderr


async def tell_every_story(work: Workspace) -> None:
    """Soft, forced, kept, refused, replayed, in trouble, in a place without the bot, and misused."""
    elsewhere = work.slack.add_channel("elsewhere", bot_is_member=False, private=True)
    application = work.vibecode.add_key(f"vibe_app_{'a1' * 20}")
    await work.set_key(application, channel=elsewhere, session=work.vibecode.add_session(application))
    soft, forced, kept, troubled, absent, far = work.vibecode.start_many(6, steps=[WAITING])
    work.vibecode.script("BITRIX_UNAVAILABLE", method="DELETE", instance=troubled, retry_after=0.1)
    work.vibecode.script("SCOPE_DENIED", method="DELETE", instance=absent)
    first = await work.command(f"{soft} looping")
    await work.slack.redeliver(first)
    for text in ("help", "nonsense", f"{troubled} slow", f"{absent} no", f"vibe_api_{'z' * 30}"):
        await work.command(text)
    for channel, instance in ((work.channel, forced), (work.channel, kept), (elsewhere, far)):
        await work.command(f"{instance} force why not", channel=channel)
    for channel, instance in ((work.channel, forced), (elsewhere, far)):
        question = await work.slack.wait_for(partial(_question, work, channel.id, instance))
        await work.slack.click(work.colleague, question, FORCE_TERMINATE)
        await work.slack.click(work.requester, question, FORCE_TERMINATE)
    work.slack.fail("chat.postMessage", "internal_error", status=500)
    await work.vibecode.wait_for(lambda: not work.vibecode.is_running(troubled))
    await work.vibecode.wait_for(lambda: not work.vibecode.is_running(far))
    async with aiohttp.ClientSession() as session:
        address = f"http://127.0.0.1:{work.port}/slack/events"
        for body in ({"token": TOKEN}, {"command": "/x", "response_url": URL}):
            async with session.post(address, data=body, headers={"X-Slack-Signature": "v0=1"}) as answer:
                assert answer.status in {401, 404}


def _question(work: Workspace, channel: str, instance: str):
    messages = work.slack.channel_messages(channel)
    return next((m for m in messages if instance in m.text and FORCE_TERMINATE in m.action_ids), None)


@pytest.mark.parametrize("mode", ["http", "socket"])
async def test_no_story_leaks_a_secret(tmp_path: Path, mode: str):
    """A real process at DEBUG; everything that it wrote anywhere is searched for everything that is secret."""
    async with workspace(tmp_path, mode=mode, start=False) as work:
        async with running_bot(work, HALTBOT_LOG_LEVEL="DEBUG") as running:
            work.port = int(re.findall(r"Listening on http://[\d.]+:(\d+)", "".join(running.log))[0])
            await tell_every_story(work)
            metrics = await _metrics(work.port)
            files = _files(tmp_path)
            exported = await haltbot("audit", "export", environment=variables(work.settings))
        everything = {
            "log": "".join(running.log),
            "messages": repr(
                [(m.text, m.blocks, m.metadata, m.history) for m in work.slack.workspace.messages]
            ),
            "acknowledgements": repr([delivery.body for delivery in work.slack.deliveries]),
            "audit": exported.out + exported.err,
            "metrics": metrics,
        } | {name: content.decode("latin-1") for name, content in files.items()}
        secrets = [
            *work.settings.secrets(),
            *work.vibecode.key_ring.keys,
            *work.vibecode.key_ring.sessions,
            *work.slack.response_urls.issued,
            *work.slack.socket_mode.tickets,
            "z" * 30,
            TOKEN,
            URL,
        ]

    found = [(name, secret) for name, text in everything.items() for secret in secrets if secret in text]
    assert 10 < len(secrets)
    assert {"haltbot.db", "haltbot.db-wal"} <= everything.keys()
    assert "requested" in everything["audit"]
    assert [] == found


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


async def _metrics(port: int) -> str:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/metrics") as answer,
    ):
        return await answer.text()
