"""The Vibecode client against the local Vibecode, and against servers that are worse than that."""

import asyncio
import contextlib
import logging
import socket
import ssl
import time
import traceback
from importlib import metadata
from typing import Any

import httpx
import pytest

from bot.domain.api_key import ApiKey, KeyFacts
from bot.domain.errors import (
    Ambiguous,
    Definite,
    NoAnswer,
    NotRunning,
    NotSent,
    RateLimited,
    UpstreamFailed,
    VibecodeError,
)
from bot.domain.instance import Instance, Page
from bot.messages.instance_text import fields
from bot.vibecode import client as vibecode
from bot.vibecode.client import VibecodeClient, open_client
from sandbox.vibecode import STATUSES, Step, VibecodeSandbox

SECRET = "vibe_api_0123456789abcdefSECRET"


@pytest.fixture(name="sandbox")
async def _sandbox():
    sandbox = VibecodeSandbox()
    await sandbox.start()
    sandbox.add_key(SECRET)
    yield sandbox
    await sandbox.stop()


@pytest.fixture(name="key")
def _key():
    return ApiKey(SECRET)


@pytest.fixture(name="client")
async def _client(sandbox):
    async with open_client(sandbox.url) as http:
        yield VibecodeClient(http)


@contextlib.asynccontextmanager
async def client_of(answer=b"", *, linger=0.0, timeout_seconds=2.0, **options):
    """Serve exactly these bytes to every request."""

    serving: set[Any] = set()

    async def serve(reader, writer):
        serving.add(asyncio.current_task())
        try:
            await reader.readuntil(b"\r\n\r\n")
            for part in answer if isinstance(answer, list) else [answer]:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(linger)
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # The client has seen enough.
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, open_client(url, timeout_seconds=timeout_seconds, **options) as http:
        yield VibecodeClient(http)
    await asyncio.gather(*serving)
    await asyncio.sleep(0)  # The closed connections say goodbye in the loop's next round.


def whole(status, body=b"", *headers):
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def failure(call):
    with pytest.raises(VibecodeError) as caught:
        await call
    return caught.value


# What is asked


async def test_a_soft_termination_leaves_force_and_status_out(sandbox, client, key):
    """Without a force and a reason the address carries nothing but the identifier."""
    instance = sandbox.start_instance(steps=(Step(60, locked=False),))

    await client.terminate(key, instance, force=False, reason="")

    (call,) = sandbox.deletes(instance)
    assert (204, {}) == (call.status, call.query)
    assert not sandbox.is_running(instance)
    assert call.headers["User-Agent"].startswith("haltbot/")


@pytest.mark.parametrize("force", [True, False])
async def test_a_reason_arrives_exactly_as_typed(sandbox, client, key, force):
    """Quotes, line breaks, double spaces, plus signs, emojis: every character, 3,000 of them."""
    instance = sandbox.start_instance()
    reason = ("“loop”  a+b&c=d#e%20\n\tсбой 🙂" * 200)[:2980] + "🙂" * 20

    await client.terminate(key, instance, force=force, reason=reason)

    (call,) = sandbox.deletes(instance)
    assert ({"force": "true"} if force else {}) | {"status": reason} == call.query


async def test_three_thousand_emojis_fit(sandbox, client, key):
    """The longest address that a reason can make is sent."""
    instance = sandbox.start_instance()

    await client.terminate(key, instance, force=True, reason="🙂" * 3000)

    assert sandbox.deletes(instance)[0].query["status"] == "🙂" * 3000


async def test_half_a_character_becomes_a_question_mark(sandbox, client, key):
    """Text that UTF-8 cannot carry does not make the call fail."""
    instance = sandbox.start_instance()

    await client.terminate(key, instance, force=False, reason="a\ud83db")

    assert sandbox.deletes(instance)[0].query["status"] == "a?b"


@pytest.mark.parametrize(
    "workflow_id",
    ["../me", "a/b", "a?force=true", "a#b", "a%2Fb", "%2e%2e", "a;b", "a b", "жук", "a\\b", "//x", "\n"],
)
async def test_an_identifier_stays_one_part_of_the_path(sandbox, client, key, workflow_id):
    """No identifier reaches another endpoint or sets a query; it is not found, as itself."""
    error = await failure(client.terminate(key, workflow_id, force=False, reason=""))

    assert isinstance(error, NotRunning)
    assert [(workflow_id, {})] == [(call.instance, call.query) for call in sandbox.calls]


@pytest.mark.parametrize("workflow_id", ["", ".", "..", "..."])
async def test_an_identifier_that_moves_the_path_is_not_sent(sandbox, client, key, workflow_id):
    """Dots mean folders even when they are quoted, so nothing is asked."""
    error = await failure(client.terminate(key, workflow_id, force=False, reason=""))

    assert (Definite, "INVALID_WORKFLOW_ID", None) == (type(error), error.code, error.status)
    assert sandbox.calls == []


async def test_a_session_travels_beside_its_application_key(sandbox, client):
    """Both headers are needed and sent."""
    app = sandbox.add_key("vibe_app_0123456789")
    session = sandbox.add_session(app)

    page = await client.running(ApiKey(app, session))

    assert page == Page((), total=0)
    error = await failure(client.running(ApiKey(app)))
    assert (Definite, "INVALID_APP_KEY", 401) == (type(error), error.code, error.status)


async def test_no_cookie_is_kept(sandbox, client, key):
    """What a gateway sets for one channel's key does not travel with the next call."""
    for _ in range(2):
        await client.describe_key(key)

    assert not any("Cookie" in call.headers for call in sandbox.calls)


@pytest.mark.parametrize("status", [200, 202])
async def test_any_2xx_means_accepted(key, status):
    """The code is the signal, not the body."""
    async with client_of(whole(status, b"<html>")) as client:
        await client.terminate(key, "1", force=False, reason="")


# What is read


async def test_the_list_is_read_as_our_instances(sandbox, client, key):
    """Times are milliseconds; a page tells how many rows it had and how many there are."""
    started = sandbox.start_instance(template="9", document="LEAD_1", started_at=1_777_386_197)
    sandbox.start_many(59, template="8", started_by="5")

    filtered = await client.running(key, template_id="9")
    second = await client.running(key, offset=50)
    theirs = await client.running(key, template_id="8", started_by="5")

    (instance,) = filtered.instances
    assert (started, "9", "LEAD_1", "CCrmDocumentDeal", "7", 1_777_386_197_000) == (
        instance.id,
        instance.template_id,
        instance.document_id,
        instance.entity,
        instance.started_by,
        instance.started_at,
    )
    assert instance.locked_until > instance.modified_at > instance.started_at
    assert (10, 10, 60) == (len(second.instances), second.received, second.total)
    assert (50, 59) == (len(theirs.instances), theirs.total)


@pytest.mark.parametrize(
    ("told", "read"),
    [
        (r"DEAL_\ud800", "DEAL_?"),
        (r"DEAL\u0000_7", "DEAL_7"),
        (r"\u0000", None),
        (r"\ud83d\ude00", "\N{GRINNING FACE}"),
    ],
    ids=["half", "nul", "nothing", "whole"],
)
async def test_what_no_database_stores_is_left_out(key, told, read):
    """JSON can write half a character, and a NUL."""
    body = f'{{"data": [{{"ID": "a", "DOCUMENT_ID": "{told}"}}]}}'.encode()
    async with client_of(whole(200, body)) as client:
        (instance,) = (await client.running(key)).instances

    assert read == instance.document_id


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-12:00", None),
        ("9999-12-31T23:59:59.999999", 253_402_300_799_999),
        ("0001-01-01T00:00:00", -62_135_596_800_000),
    ],
)
async def test_a_time_that_cannot_be_shown_is_none(key, told, read):
    """What was read is shown in UTC, which has a first and a last year."""
    body = f'{{"data": [{{"ID": "a", "STARTED": "{told}"}}]}}'.encode()
    async with client_of(whole(200, body)) as client:
        (instance,) = (await client.running(key)).instances

    assert read == instance.started_at
    assert fields("a", instance, None, 0)


async def test_odd_rows_are_read_as_far_as_possible(key):
    """Rows without an identifier are skipped, and fields of another type are unknown."""
    body = b"""{"success": true, "meta": {"total": "4"}, "data": [
        {"ID": "a", "MODIFIED": "2026-04-28T17:23:17+03:00", "STARTED": "2026-04-28T14:23:17.5Z",
         "OWNED_UNTIL": "2026-04-28T14:23:17", "STARTED_BY": 0, "TEMPLATE_ID": 713, "DOCUMENT_ID": ["x"]},
        {"ID": 17, "MODIFIED": "yesterday", "STARTED": 5, "OWNED_UNTIL": "", "ENTITY": true},
        {"ID": ""}, {"ID": null}, {}, null, "text"]}"""
    async with client_of(whole(200, body)) as client:
        page = await client.running(key)

    moment = 1_777_386_197_000
    first = Instance(
        "a",
        template_id="713",
        started_by="0",
        started_at=moment + 500,
        modified_at=moment,
        locked_until=moment,
    )
    assert Page((first, Instance("17")), total=4, received=7) == page


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b'{"data": [', b"\xff\xfe", b"[]", b"null", b'{"data": 5}', b"{}", b"[" * 100_000],
    ids=["empty", "html", "truncated", "not_utf8", "list", "null", "number", "no_data", "nested"],
)
async def test_a_list_that_cannot_be_read_is_an_upstream_failure(key, body):
    """An answer that says nothing is never taken for an empty list."""
    async with client_of(whole(200, body)) as client:
        errors = [await failure(client.running(key)), await failure(client.describe_key(key))]

    for error in errors:
        assert (UpstreamFailed, "INVALID_ANSWER", 200) == (type(error), error.code, error.status)


@pytest.mark.parametrize("total", [b"null", b"-1", b"1.5", b"true", b'"many"', b"[]", b"1" * 30])
async def test_a_total_that_is_no_number_is_unknown(key, total):
    """The rows count even where their number does not."""
    async with client_of(whole(200, b'{"data": [], "meta": {"total": ' + total + b"}}")) as client:
        assert await client.running(key) == Page((), total=None)


async def test_a_key_is_described(sandbox, client, key):
    """What Vibecode says about it, with nothing of the key itself."""
    sandbox.key(SECRET).expires_at = 1_893_456_000

    facts = await client.describe_key(key)

    expected = KeyFacts(
        kind="personal",
        owner="1",
        portal="demo.bitrix24.com",
        scopes=("bizproc",),
        access_mode="READWRITE",
        expires_at=1_893_456_000_000,
    )
    assert expected == facts


async def test_odd_facts_about_a_key_are_unknown(key):
    """Objects stand for texts, the rest is left out."""
    body = (
        b'{"data": {"scopes": ["crm", 5, null], "accessMode": 1.5,'
        b'"owner": {"name": "Ann"}, "portal": {"domain": "x.bitrix24.com"}, "expiresAt": "never"}}'
    )
    async with client_of(whole(200, body)) as client:
        facts = await client.describe_key(key)
    async with client_of(whole(200, b'{"data": {"owner": {}, "scopes": "bizproc"}}')) as client:
        nothing = await client.describe_key(key)

    expected = KeyFacts(owner="Ann", portal="x.bitrix24.com", scopes=("crm", "5"))
    assert expected == facts
    assert KeyFacts() == nothing


# What goes wrong


def expected_class(status, code):
    if code == "ENTITY_NOT_FOUND":
        return NotRunning
    if status == 429:
        return RateLimited
    if status == 504:
        return NoAnswer
    return UpstreamFailed if status >= 500 else Definite


@pytest.mark.parametrize("code", STATUSES)
async def test_every_documented_code_has_its_class(sandbox, client, key, code):
    """The code and status are kept; what can be done about it is the class."""
    sandbox.script(code, times=2)
    status = STATUSES[code]

    errors = [
        await failure(client.terminate(key, "1", force=True, reason="")),
        await failure(client.running(key)),
    ]

    for error in errors:
        assert (expected_class(status, code), code, status) == (type(error), error.code, error.status)
        assert error.retry_after == {429: 1.0, 504: 2.0}.get(status)


@pytest.mark.parametrize("code", ["BITRIX_TIMEOUT", "QUEUE_TIMEOUT"])
async def test_a_timeout_is_one_with_either_status(sandbox, client, key, code):
    """Vibecode tells it as 504, and as 502: nobody heard how the call ended."""
    sandbox.script(code, status=502)

    error = await failure(client.terminate(key, "1", force=False, reason=""))

    assert (NoAnswer, code, 502) == (type(error), error.code, error.status)


@pytest.mark.parametrize(
    ("status", "kind"), [(302, Definite), (418, Definite), (429, RateLimited), (500, UpstreamFailed)]
)
async def test_an_error_loop_counts_by_its_status(sandbox, client, key, status, kind):
    """A code without a status of its own is judged by the one that it came with."""
    sandbox.script("ERROR_LOOP_DETECTED", status=status)

    error = await failure(client.terminate(key, "1", force=False, reason=""))

    assert (kind, "ERROR_LOOP_DETECTED", status) == (type(error), error.code, error.status)


async def test_an_unknown_code_is_kept(sandbox, client, key):
    """A code that nobody documented falls back to its status and is still told."""
    sandbox.script("unknown_code", status=409)

    error = await failure(client.terminate(key, "1", force=False, reason=""))

    assert (Definite, "SOMETHING_NEW", 409) == (type(error), error.code, error.status)


@pytest.mark.parametrize("what", ["empty", "html", "not_utf8", "truncated"])
@pytest.mark.parametrize("status", [404, 429, 502])
async def test_a_body_that_cannot_be_read_leaves_the_status(sandbox, client, key, what, status):
    """A gateway's 404 is not an instance that is gone."""
    sandbox.script(what, status=status)

    error = await failure(client.terminate(key, "1", force=False, reason=""))

    kind = {404: Definite, 429: RateLimited, 502: UpstreamFailed}[status]
    assert (kind, f"HTTP_{status}", status) == (type(error), error.code, error.status)


@pytest.mark.parametrize(
    "code",
    [b'"lower_case"', b'"A"', b'"<!channel>"', b'"A B"', b'"' + b"A" * 65 + b'"', b"5", b"null", b'"AB\\n"'],
)
async def test_only_what_looks_like_a_code_is_taken_for_one(key, code):
    """Text from outside does not get into messages by way of the code."""
    async with client_of(whole(403, b'{"error": {"code": ' + code + b"}}")) as client:
        error = await failure(client.terminate(key, "1", force=False, reason=""))

    assert (Definite, "HTTP_403") == (type(error), error.code)


@pytest.mark.parametrize("body", [b'{"error": "NOPE"}', b'{"error": ["X"]}', b'["error"]', b'"error"'])
async def test_an_error_of_another_shape_leaves_the_status(key, body):
    """Only the documented shape is believed."""
    async with client_of(whole(500, body)) as client:
        error = await failure(client.terminate(key, "1", force=False, reason=""))

    assert (UpstreamFailed, "HTTP_500") == (type(error), error.code)


@pytest.mark.parametrize(
    ("told", "headers", "expected"),
    [
        (b"1.5", ["Retry-After: 9"], 1.5),
        (b'"3"', [], 3.0),
        (b"86400", [], 600.0),
        (b"null", ["Retry-After: 1e17"], 600.0),
        (b"null", ["Retry-After: 9"], 9.0),
        (b"true", ["Retry-After: 9"], 9.0),
        (b"-1", ["Retry-After: 9"], 9.0),
        (b"1e999", ["Retry-After: 9"], 9.0),
        (b"1" + b"0" * 400, [], None),
        (b'"soon"', ["Retry-After: later"], None),
        (
            b"null",
            ["Date: Mon, 20 Apr 2026 10:00:00 GMT", "Retry-After: Mon, 20 Apr 2026 10:00:30 GMT"],
            30.0,
        ),
        (b"null", ["Retry-After: Mon, 20 Apr 2020 10:00:30 GMT"], 0.0),
        (b"{}", [], None),
    ],
)
async def test_the_time_to_wait_comes_from_the_body_then_the_header(key, told, headers, expected):
    """Seconds or a date; what makes no sense is left out, and nobody waits for longer than ten minutes."""
    async with client_of(whole(429, b'{"error": {"retryAfter": ' + told + b"}}", *headers)) as client:
        error = await failure(client.terminate(key, "1", force=False, reason=""))

    assert (RateLimited, expected) == (type(error), error.retry_after)


# What gets no answer


async def test_a_refused_connection_was_not_sent(sandbox, client, key):
    """Nothing listens, so nothing was asked for."""
    await sandbox.stop()

    error = await failure(client.terminate(key, "1", force=False, reason=""))

    assert (NotSent, "CONNECTION_REFUSED", None) == (type(error), error.code, error.status)


async def test_a_plain_server_behind_https_was_not_sent(sandbox, key):
    """The handshake comes before the request."""
    async with open_client(sandbox.url.replace("http:", "https:")) as http:
        error = await failure(VibecodeClient(http).terminate(key, "1", force=False, reason=""))

    assert (NotSent, "TLS_FAILED") == (type(error), error.code)
    assert sandbox.calls == []


async def test_a_full_backlog_is_a_connect_timeout(key):
    """A host that does not answer the knock was not asked for anything."""
    with socket.socket() as listener, socket.socket() as filler, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for one in (filler, second):
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        async with open_client(f"http://127.0.0.1:{listener.getsockname()[1]}", connect_seconds=0.1) as http:
            error = await failure(VibecodeClient(http).terminate(key, "1", force=False, reason=""))

    assert (NotSent, "CONNECT_TIMEOUT") == (type(error), error.code)


async def test_a_hanging_call_may_have_been_carried_out(sandbox, key):
    """The time ran out after the request had been sent."""
    instance = sandbox.start_instance()
    sandbox.script("hang", executes=True)

    async with open_client(sandbox.url, timeout_seconds=0.1) as http:
        error = await failure(VibecodeClient(http).terminate(key, instance, force=True, reason=""))

    assert (NoAnswer, "TIMEOUT", None) == (type(error), error.code, error.status)
    assert not sandbox.is_running(instance)


@pytest.mark.parametrize("executes", [True, False])
async def test_a_cut_connection_may_have_been_carried_out(sandbox, client, key, executes):
    """The client cannot know, and does not repeat the call."""
    instance = sandbox.start_instance()
    await client.describe_key(key)
    sandbox.script("drop", executes=executes)

    error = await failure(client.terminate(key, instance, force=True, reason=""))

    assert (NoAnswer, "CONNECTION_LOST", None) == (type(error), error.code, error.status)
    assert [executes] == [call.executed for call in sandbox.deletes()]


async def test_nonsense_instead_of_http_may_have_been_carried_out(key):
    """Whatever answered had the request."""
    async with client_of(b"SSH-2.0-server\r\n") as client:
        error = await failure(client.terminate(key, "1", force=False, reason=""))

    assert (NoAnswer, "CONNECTION_LOST") == (type(error), error.code)


async def test_an_answer_that_trickles_ends_in_time(key):
    """A server that keeps sending does not hold the call longer than its time."""
    began = time.perf_counter()
    trickle = [b"HTTP/1.1 404 X\r\n", *[b"X-Filler: 1\r\n"] * 100]
    async with client_of(trickle, linger=0.05, timeout_seconds=0.2) as client:
        error = await failure(client.terminate(key, "1", force=False, reason=""))

    assert (NoAnswer, "TIMEOUT") == (type(error), error.code)
    assert time.perf_counter() - began < 1


async def test_a_body_that_trickles_leaves_the_status(key):
    """Once the status is there it says what happened."""
    trickle = [b"HTTP/1.1 502 X\r\nContent-Length: 9000\r\n\r\n", *[b" "] * 100]
    async with client_of(trickle, linger=0.05, timeout_seconds=0.2) as client:
        error = await failure(client.terminate(key, "1", force=False, reason=""))

    assert (UpstreamFailed, "HTTP_502") == (type(error), error.code)


async def test_a_garbled_encoding_leaves_the_status(key):
    """A body that claims to be compressed and is not is a body that cannot be read."""
    async with client_of(whole(403, b"no gzip", "Content-Encoding: gzip")) as client:
        error = await failure(client.terminate(key, "1", force=False, reason=""))

    assert (Definite, "HTTP_403") == (type(error), error.code)


async def test_an_endless_body_is_not_read_to_its_end(key, monkeypatch):
    """Memory is bounded; a list of that size is not believed."""
    monkeypatch.setattr(vibecode, "_MOST_BYTES", 1000)
    async with client_of(whole(200, b'{"data": []' + b" " * 500_000 + b"}")) as client:
        error = await failure(client.running(key))

    assert (UpstreamFailed, "INVALID_ANSWER") == (type(error), error.code)


async def test_calls_wait_for_their_turn_and_give_up_unsent(sandbox, key):
    """The bound keeps the pool fast; who gets no turn was not sent."""
    sandbox.latency = 0.3
    async with open_client(sandbox.url, connect_seconds=0.1) as http:
        client = VibecodeClient(http, max_in_flight=1)
        first = asyncio.create_task(client.describe_key(key))
        await sandbox.wait_for(lambda: sandbox.calls)
        error = await failure(client.terminate(key, "1", force=False, reason=""))
        sandbox.latency = 0.0
        await first
        await client.describe_key(key)

    assert (NotSent, "POOL_TIMEOUT") == (type(error), error.code)
    assert sandbox.deletes() == []


async def test_a_cancelled_call_gives_its_turn_back(sandbox, key):
    """Shutting down in the middle of a call leaves nothing behind."""
    sandbox.script("hang")
    async with open_client(sandbox.url) as http:
        client = VibecodeClient(http, max_in_flight=1)
        call = asyncio.create_task(client.describe_key(key))
        await sandbox.wait_for(lambda: sandbox.calls)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

        assert (await client.describe_key(key)).kind == "personal"


@pytest.mark.parametrize("base_url", ["ftp://127.0.0.1", "127.0.0.1"])
async def test_a_wrong_address_is_definite(key, base_url):
    """Repeating does not mend a setting."""
    async with open_client(base_url) as http:
        error = await failure(VibecodeClient(http).describe_key(key))

    assert (Definite, "INVALID_ADDRESS") == (type(error), error.code)


def _with_subclasses(kind):
    return {kind}.union(*(_with_subclasses(sub) for sub in kind.__subclasses__()))


EXPECTED: dict[str, tuple[type[Exception], set[type[Exception]]]] = {
    "CONNECT_TIMEOUT": (NotSent, {httpx.ConnectTimeout}),
    "POOL_TIMEOUT": (NotSent, {httpx.PoolTimeout}),
    "PROXY_FAILED": (NotSent, {httpx.ProxyError}),
    "CONNECTION_FAILED": (NotSent, {httpx.ConnectError}),
    "TIMEOUT": (NoAnswer, {httpx.TimeoutException, httpx.ReadTimeout, httpx.WriteTimeout}),
    "INVALID_ADDRESS": (Definite, {httpx.InvalidURL, httpx.UnsupportedProtocol}),
    "INVALID_REQUEST": (Definite, {httpx.LocalProtocolError}),
    "CONNECTION_LOST": (
        NoAnswer,
        {
            httpx.HTTPError,
            httpx.RequestError,
            httpx.TransportError,
            httpx.NetworkError,
            httpx.ReadError,
            httpx.WriteError,
            httpx.CloseError,
            httpx.ProtocolError,
            httpx.RemoteProtocolError,
            httpx.DecodingError,
            httpx.TooManyRedirects,
            httpx.HTTPStatusError,
        },
    ),
}


def _raised(kind):
    if kind is httpx.HTTPStatusError:
        request = httpx.Request("GET", "http://127.0.0.1")
        return kind("", request=request, response=httpx.Response(500, request=request))
    return kind("")


async def test_every_error_of_the_http_library_is_mapped(key):
    """Each class that httpx has, also one that a later version adds, is placed on purpose."""
    placed = {kind: (ours, code) for code, (ours, kinds) in EXPECTED.items() for kind in kinds}
    assert _with_subclasses(httpx.HTTPError) | _with_subclasses(httpx.InvalidURL) == set(placed)

    for kind, expected in placed.items():

        async def answer(request, kind=kind):
            raise _raised(kind)

        async with httpx.AsyncClient(
            transport=httpx.MockTransport(answer), base_url="http://127.0.0.1"
        ) as http:
            error = await failure(VibecodeClient(http).describe_key(key))

        assert expected == (type(error), error.code), kind


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (socket.gaierror(), "ADDRESS_NOT_FOUND"),
        (ssl.SSLError(), "TLS_FAILED"),
        (ExceptionGroup("all", [ConnectionRefusedError()]), "CONNECTION_REFUSED"),
        (OSError("network unreachable"), "CONNECTION_FAILED"),
    ],
)
async def test_a_failed_connection_tells_why(key, cause, code):
    """The system's reason lies below the library's."""

    async def answer(request):
        raise httpx.ConnectError("failed") from cause

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://127.0.0.1") as http:
        error = await failure(VibecodeClient(http).describe_key(key))

    assert (NotSent, code) == (type(error), error.code)


async def test_an_error_of_the_system_may_have_been_carried_out(key):
    """The library lets a few through."""

    async def answer(request):
        raise ConnectionResetError

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://127.0.0.1") as http:
        error = await failure(VibecodeClient(http).describe_key(key))

    assert isinstance(error, Ambiguous)


# What must not be told


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (ApiKey(""), "INVALID_API_KEY"),
        (ApiKey(SECRET + "\r\nX: 1"), "INVALID_API_KEY"),
        (ApiKey(SECRET + "é"), "INVALID_API_KEY"),
        (ApiKey("vibe_app_1", SECRET + "\n"), "INVALID_SESSION"),
    ],
)
async def test_a_key_that_is_no_header_is_refused_unseen(sandbox, client, key, code):
    """The library would repeat it in its own error."""
    error = await failure(client.describe_key(key))

    assert (Definite, code) == (type(error), error.code)
    assert SECRET not in "".join(traceback.format_exception(error))
    assert sandbox.calls == []


async def test_nothing_tells_the_key_or_the_reason(sandbox, client, key, caplog):
    """Not the log at its most talkative, not an error with all its causes, not a repr."""
    caplog.set_level(logging.DEBUG)
    for what in ("RATE_LIMITED", "html", "drop", "truncated", "ENTITY_NOT_FOUND"):
        sandbox.script(what)
    told = [repr(key), repr(ApiKey(SECRET, SECRET))]
    for _ in range(5):
        error = await failure(client.terminate(key, "1", force=True, reason="Ann's divorce"))
        told += [repr(error), *traceback.format_exception(error)]
    await sandbox.stop()
    told += traceback.format_exception(
        await failure(client.terminate(key, "1", force=True, reason="Ann's divorce"))
    )

    everything = "".join([*told, caplog.text])

    assert "HTTP Request: DELETE" in caplog.text
    for secret in (SECRET, "SECRET", "divorce"):
        assert secret not in everything


async def test_the_log_keeps_what_is_not_a_call(caplog):
    """Other lines of the library pass unchanged."""
    caplog.set_level(logging.DEBUG)
    async with open_client("http://127.0.0.1"):
        logging.getLogger("httpx").debug("plain")
        logging.getLogger("httpx").debug("one %(name)s", {"name": "mapping"})

    assert {"plain", "one mapping"} <= {record.getMessage() for record in caplog.records}


async def test_the_version_is_told_where_it_is_known(monkeypatch):
    """An installed Haltbot names its version, a copied one does not."""
    monkeypatch.setattr(metadata, "version", lambda name: f"{name}-1.2")
    async with open_client("http://127.0.0.1") as http:
        assert http.headers["User-Agent"] == "haltbot/haltbot-1.2"

    def unknown(name):
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(metadata, "version", unknown)
    async with open_client("http://127.0.0.1") as http:
        assert http.headers["User-Agent"] == "haltbot/0"
