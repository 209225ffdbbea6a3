"""The HTTP door lets in what Slack signed, refuses everything else with a 4xx, and never repeats it in a log."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import pytest
from door import FORM, SECRET, Door, open_door
from workspace import Workspace

from bot.slack import http
from sandbox.slack.delivery import signed_headers

COMMAND = {
    "command": "/terminate-workflow",
    "team_id": "T1",
    "channel_id": "C1",
    "user_id": "U1",
    "trigger_id": "1.2.3",
    "text": "69f0c2d5ade389.22457798",
}
CLICK = {
    "type": "block_actions",
    "user": {"id": "U1", "team_id": "T1"},
    "team": {"id": "T1"},
    "container": {"channel_id": "C1", "message_ts": "1.2"},
    "actions": [{"action_id": "termination_force", "type": "button", "value": "abc.1"}],
}
SECRET_WORDS = "the-body-holds-something-secret"


@pytest.fixture(name="door")
async def _door() -> AsyncIterator[Door]:
    async with open_door() as door:
        yield door


def form(**changes: str) -> bytes:
    return urlencode(COMMAND | changes).encode()


def click(payload: object) -> bytes:
    return urlencode({"payload": json.dumps(payload)}).encode()


@pytest.mark.parametrize(
    "fields",
    [
        {"channel_name": "payload-alerts"},
        {"team_domain": "payload"},
        {"user_name": "payload"},
        {"text": "69f0c2d5ade389.22457798 bad payload, again: payload={}&payload=1"},
    ],
)
async def test_the_word_payload_anywhere_loses_no_command(door: Door, fields: dict[str, str]):
    """Bolt 1.30 answers such a command with a 404 when it reads the form itself."""
    assert 200 == await door.post(form(**fields))
    assert [COMMAND | fields] == door.passed


async def test_a_reason_with_the_word_payload_reaches_bitrix24(either: Workspace):
    """The whole story, with the word in the reason, the channel's and the team's name."""
    instance = either.vibecode.start_instance()
    delivery = await either.command(
        f"{instance} bad payload", extra={"channel_name": "payload-x", "team_domain": "payload"}
    )
    await either.told("Reason: bad payload")

    (call,) = either.vibecode.deletes(instance)
    assert (200, {"status": "bad payload"}) == (delivery.status, call.query)


def wrong_signatures() -> dict[str, dict[str, str]]:
    body, now = form(), int(time.time())
    right = signed_headers(SECRET, body)
    stamp, signature = right["X-Slack-Request-Timestamp"], right["X-Slack-Signature"]
    return {
        "none": {},
        "no timestamp": {"X-Slack-Signature": signature},
        "no signature": {"X-Slack-Request-Timestamp": stamp},
        "another secret": signed_headers("f" * 32, body),
        "another body": signed_headers(SECRET, body + b"&"),
        "too old": signed_headers(SECRET, body, timestamp=now - http.MAX_AGE_SECONDS - 2),
        "from the future": signed_headers(SECRET, body, timestamp=now + http.MAX_AGE_SECONDS + 2),
        "upper case": right | {"X-Slack-Signature": signature.upper()},
        "another version": right | {"X-Slack-Signature": "v1=" + signature[3:]},
        "shortened": right | {"X-Slack-Signature": signature[:-1]},
        "empty": right | {"X-Slack-Signature": ""},
        "not ASCII": right | {"X-Slack-Signature": "v0=" + "é" * 64},
        "words for a timestamp": right | {"X-Slack-Request-Timestamp": "yesterday"},
        "a fraction": right | {"X-Slack-Request-Timestamp": stamp + ".5"},
        "a sign": right | {"X-Slack-Request-Timestamp": "+" + stamp},
        "negative": right | {"X-Slack-Request-Timestamp": "-" + stamp},
        "other digits": right
        | {"X-Slack-Request-Timestamp": stamp.translate({48 + n: 0x660 + n for n in range(10)})},
        "400 digits": right | {"X-Slack-Request-Timestamp": "9" * 400},
        "5000 digits": right | {"X-Slack-Request-Timestamp": "9" * 5000},
        "infinite": right | {"X-Slack-Request-Timestamp": "inf"},
    }


@pytest.mark.parametrize("which", sorted(wrong_signatures()))
async def test_what_slack_did_not_sign_is_a_plain_401(
    door: Door, which: str, caplog: pytest.LogCaptureFixture
):
    """Missing, old, future, mangled: all the same answer, and nothing of the body in the log."""
    caplog.set_level(logging.DEBUG)

    status = await door.post(form() + f"&text={SECRET_WORDS}".encode(), headers=wrong_signatures()[which])
    if which != "another body":
        assert 401 == await door.post(form(), headers=wrong_signatures()[which])

    assert 401 == status
    assert [] == door.passed
    assert SECRET_WORDS not in caplog.text


async def test_headers_with_any_bytes_are_a_plain_401(door: Door):
    """Bytes that are not even text do not end in a 500."""
    for value in (b"\xff\xfe" * 32, b"v0=" + b"\xe9" * 64, b"\xc3\x28"):
        assert 401 == await door.send(form(), b"X-Slack-Signature: " + value, b"X-Slack-Request-Timestamp: 1")
        assert 401 == await door.send(
            form(), b"X-Slack-Request-Timestamp: " + value, b"X-Slack-Signature: v0=1"
        )
    assert [] == door.passed


async def test_a_header_that_comes_twice_is_a_plain_401(door: Door):
    """Whoever reads the first and whoever reads the last would see different requests."""
    lines = [f"{name}: {value}".encode() for name, value in signed_headers(SECRET, form()).items()]

    assert 401 == await door.send(form(), *lines, lines[0])
    assert 401 == await door.send(form(), *lines, lines[1])
    assert 200 == await door.send(form(), *lines)


async def test_a_body_that_is_too_large_is_refused_unread(door: Door):
    """The answer comes when only the announcement of the size has arrived."""
    lines = [f"{name}: {value}".encode() for name, value in signed_headers(SECRET, b"").items()]

    assert 413 == await door.send(b"", *lines, length=http.MAX_BODY_BYTES + 1)


async def test_a_body_of_no_announced_size_is_refused_once_it_is_too_large(door: Door):
    """Chunks are counted as they come; the last one is never waited for."""
    lines = [f"{name}: {value}".encode() for name, value in signed_headers(SECRET, b"").items()]
    head = [b"POST /slack/events HTTP/1.1", b"Host: haltbot", *lines, b"Transfer-Encoding: chunked"]
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"

    assert 413 == await door.exchange(b"\r\n".join(head) + b"\r\n\r\n" + chunk * 9)


async def test_a_large_body_without_a_signature_is_not_read_at_all(door: Door):
    """Nobody without the secret makes the bot hold anything."""
    assert 401 == await door.send(b"", length=100 * 1024 * 1024)


async def test_a_body_that_never_comes_is_given_up(door: Door, monkeypatch: pytest.MonkeyPatch):
    """Whoever dribbles a request does not hold a connection for long."""
    monkeypatch.setattr(http, "READ_SECONDS", 0.1)
    lines = [f"{name}: {value}".encode() for name, value in signed_headers(SECRET, b"").items()]

    assert 408 == await door.send(b"x", *lines, length=10)


async def test_what_claims_to_be_compressed_is_taken_as_it_is(door: Door):
    """Slack compresses nothing: a small body that grows beyond all limits has no way in."""
    lines = [f"{name}: {value}".encode() for name, value in signed_headers(SECRET, form()).items()]

    assert 200 == await door.send(form(), *lines, b"Content-Encoding: gzip")
    assert [COMMAND] == door.passed


MALFORMED = {
    "nothing": b"",
    "bad UTF-8": b"command=%2Fx&text=" + bytes([0xFF]),
    "bad UTF-8, escaped": b"command=%2Fx&text=%FF",
    "payload is no JSON": b"payload=%7B",
    "payload is empty": b"payload=",
    "payload is a list": click([]),
    "payload is a number": click(1),
    "payload is null": click(None),
    "payload without a type": click({}),
    "deep JSON": b"payload=" + b"%5B" * 50_000,
    "deep objects": b"payload=" + b'{"a":' * 20_000,
    "a huge number": b"payload=" + b"1" * 5000,
    "too many fields": b"&".join([form(), *(b"a%d=1" % n for n in range(10_000))]),
    "half a character": click(CLICK | {"user": {"id": "\ud800"}}),
    "a NUL": form(user_id="U\0"),
    "a NUL in a click": click(CLICK | {"actions": [{"action_id": "a", "type": "b", "value": "\0"}]}),
    "no user": urlencode({key: value for key, value in COMMAND.items() if key != "user_id"}).encode(),
    "no trigger": form(trigger_id=""),
    "a long name": form(team_id="T" * 10_000),
    "no actions": click(CLICK | {"actions": []}),
    "actions of another type": click(CLICK | {"actions": {"0": {}}}),
    "an action that is none": click(CLICK | {"actions": [None]}),
    "a user that is a number": click(CLICK | {"user": 7}),
    "a user without an id": click(CLICK | {"user": {}}),
    "a container that is a list": click(CLICK | {"container": []}),
    "no message": click(CLICK | {"container": {"channel_id": "C1"}}),
    "a type that is a list": click({"type": ["block_actions"]}),
    "authorizations of another type": click({"type": "event_callback", "authorizations": [1]}),
}


@pytest.mark.parametrize("which", sorted(MALFORMED))
async def test_a_signed_request_without_shape_is_a_400(
    door: Door, which: str, caplog: pytest.LogCaptureFixture
):
    """Never a 500, and nothing of it in the log."""
    caplog.set_level(logging.DEBUG)

    assert 400 == await door.post(MALFORMED[which] + f"&more={SECRET_WORDS}".encode() * (which != "nothing"))
    assert [] == door.passed
    assert SECRET_WORDS not in caplog.text


async def test_json_without_shape_is_a_400(door: Door):
    """The same for what comes as JSON."""
    for body in (b"", b"{", b"[]", b"1", b"[" * 50_000, b'{"type": NaN}', b"\xff", b'{"type": "\\ud800"}'):
        assert 400 == await door.post(body, content_type="application/json; charset=utf-8")
    assert [] == door.passed


async def test_the_usual_words_of_programmers_are_no_nul(door: Door):
    """A reason may quote what another program printed, such as an escaped NUL."""
    assert 200 == await door.post(form(text="69f0c2d5ade389.22457798 it printed \\u0000 and %00"))
    assert 200 == await door.post(click(CLICK | {"message": {"text": "\\u0000"}}))


async def test_slacks_check_of_the_certificate_is_answered(door: Door):
    """It must be a plain 200; it starts nothing."""
    assert 200 == await door.post(urlencode({"ssl_check": "1", "token": "x"}).encode())
    assert [] == door.passed


@pytest.mark.parametrize("content_type", ["", FORM, "text/plain", "\xe9", "application/json;" * 3, ";;;="])
async def test_the_content_type_only_tells_json_from_forms(door: Door, content_type: str):
    """A content type that is none is no reason to fail."""
    assert await door.post(form(), content_type=content_type) in {200, 400}


async def test_other_doors_are_closed(door: Door):
    """Slack posts; whoever asks for something else is told so."""
    assert 405 == await door.exchange(b"GET /slack/events HTTP/1.1\r\nHost: x\r\n\r\n")
    assert 404 == await door.exchange(b"GET /.env HTTP/1.1\r\nHost: x\r\n\r\n")
    assert 400 == await door.exchange(b"\x16\x03\x01\x00\x00\r\n\r\n")


async def test_twenty_requests_at_once_are_all_let_in(door: Door):
    """The door keeps nothing between two requests."""
    statuses = await asyncio.gather(*(door.post(form(trigger_id=str(n))) for n in range(20)))

    assert [200] * 20 == statuses
    assert {str(n) for n in range(20)} == {body["trigger_id"] for body in door.passed}
