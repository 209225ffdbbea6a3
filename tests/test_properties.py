"""Whatever is typed or sent: the parser keeps its promises, nothing escapes the escaper, and the door holds."""

import html
import json
import re
from typing import Any
from urllib.parse import urlencode

import pytest
from door import FORM, SECRET, Door, open_door
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slack_sdk.web.async_client import AsyncWebClient
from workspace import Workspace, workspace

from bot.domain.command import REASON_LIMIT, Order, parse
from bot.domain.errors import Refused
from bot.messages.blocks import annotated, private
from bot.messages.mrkdwn import clip, escape
from bot.messages.termination import CHOICES, question_of
from bot.observability.redaction import Redaction
from bot.slack.bolt import Bolt, Identity
from bot.slack.payloads import Malformed, check
from sandbox.slack.delivery import signed_headers
from sandbox.vibecode import Step

EXAMPLES = settings(
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
REQUESTS = settings(EXAMPLES, max_examples=150)
IDS = st.from_regex(r"[0-9a-f]{14}\.[0-9]{8}", fullmatch=True)
# What people, phones and other programs really put into such a field.
PIECES = st.sampled_from(
    [
        "force",
        "--force",
        "—force",
        "payload",
        "help",
        "69f0c2d5ade389.22457798",
        "<!channel>",
        "<@U1|x>",
        "&amp;",
        "&",
        "<",
        ">",
        "`",
        "*",
        "_",
        "~",
        "://",
        "@here",
        '"',
        "“",
        "”",
        "\n",
        "\u200b",
        "\u202e",
        "\u00a0",
        "vibe_api_12345678",
    ]
)
TYPED = st.one_of(st.text(max_size=400), st.lists(PIECES | st.text(max_size=8), max_size=12).map(" ".join))


# ── the parser ──────────────────────────────────────────────────────────────────────────────────────


@EXAMPLES
@given(TYPED)
def test_any_text_is_an_order_a_question_or_a_refusal(text: str):
    """Nothing else comes out, and an order has an identifier that fits into an address."""
    try:
        read = parse(text)
    except Refused:
        return
    if isinstance(read, Order):
        assert re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z._-]*", read.workflow_id)
        assert len(read.reason) <= REASON_LIMIT
        assert read.reason == read.reason.strip()


@EXAMPLES
@given(IDS, st.booleans(), st.text(max_size=200))
def test_what_is_written_is_read(identifier: str, force: bool, reason: str):
    """The reason comes out as it was typed; Slack's entities are undone once."""
    reason = " ".join(reason.split())
    typed = f"{identifier} {'force ' if force else ''}{html.escape(reason, quote=False)}"
    if "vibe_" in reason or (not force and re.match(r"\W*force\b", reason, re.IGNORECASE)):
        return

    assert Order(identifier, force, reason) == parse(typed)


@EXAMPLES
@given(IDS, TYPED)
def test_only_the_second_word_forces(identifier: str, reason: str):
    """No reason, however it is written, turns a soft stop into a forced one."""
    try:
        read = parse(f"{identifier} because {reason}")
    except Refused:
        return
    assert isinstance(read, Order)
    assert not read.force


@EXAMPLES
@given(st.text(max_size=60))
def test_a_button_value_is_read_or_refused(value: str):
    """Whatever stands in it, also what Slack would never send."""
    question = question_of(value)
    assert question is None or value.startswith(question[0])


# ── the escaper ─────────────────────────────────────────────────────────────────────────────────────


@EXAMPLES
@given(TYPED)
def test_escaped_text_can_do_nothing(text: str):
    """No mention, no link, no formatting: none of the signs that begin one is left."""
    inert = escape(text)

    assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)|(?:[`@]|://)(?!\u2060)|(?<![^\W_])[*_~](?!\u2060)", inert)


@EXAMPLES
@given(TYPED)
def test_escaped_text_still_says_the_same(text: str):
    """What a person typed can be read again: only invisible signs were added."""
    shown = re.sub("&(?:amp|lt|gt);", lambda entity: html.unescape(entity[0]), escape(text))

    assert text.replace("\u2060", "") == shown.replace("\u2060", "")


@EXAMPLES
@given(TYPED, st.integers(min_value=20, max_value=120))
def test_clipped_text_fits_and_breaks_no_entity(text: str, limit: int):
    """Slack refuses what is too long; half an entity would show as rubbish."""
    clipped = clip(escape(text), limit)

    assert len(clipped) <= limit
    assert not re.search(r"&(?!amp;|lt;|gt;)", clipped)


@EXAMPLES
@given(st.text(max_size=6000), st.text(max_size=200))
def test_a_private_answer_fits_slacks_limits(text: str, note: str):
    """Also with the small print under it."""
    message = annotated(private(text), note)

    assert len(message.text) <= 4000
    for block in message.blocks:
        for part in (block.get("text"), *block.get("elements", [])):
            assert part is None or len(part["text"]) <= 3000


@EXAMPLES
@given(TYPED, st.sampled_from(["xoxb-1-abcdefgh", "vibe_api_abcdefgh", "the-configured-one"]), TYPED)
def test_no_surroundings_save_a_secret_from_its_mask(before: str, secret: str, after: str):
    """Whatever it stands beside."""
    assert secret not in Redaction(["the-configured-one"]).clean(f"{before} {secret} {after}")


# ── the door ────────────────────────────────────────────────────────────────────────────────────────

COMMAND = {
    "command": "/terminate-workflow",
    "team_id": "T1",
    "channel_id": "C1",
    "user_id": "U1",
    "trigger_id": "1.2.3",
    "text": "69f0c2d5ade389.22457798 why",
    "response_url": "http://127.0.0.1:9/",
}
CLICK = {
    "type": "block_actions",
    "user": {"id": "U1", "team_id": "T1"},
    "team": {"id": "T1", "domain": "x"},
    "channel": {"id": "C1"},
    "container": {"type": "message", "channel_id": "C1", "message_ts": "1.2"},
    "actions": [{"action_id": "termination_force", "type": "button", "value": "abcdefghjkmn.1"}],
    "response_url": "http://127.0.0.1:9/",
    "enterprise": None,
    "is_enterprise_install": False,
}
EVENT = {
    "type": "event_callback",
    "team_id": "T1",
    "event": {"type": "app_home_opened", "user": "U1", "channel": "C1", "tab": "home"},
    "authorizations": [{"team_id": "T1", "user_id": "U2", "is_bot": True, "enterprise_id": None}],
}
SUBMISSION = {"type": "view_submission", "user": {"id": "U1"}, "team": {"id": "T1"}, "view": {"id": "V1"}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def mutated(draw: st.DrawFn, whole: Any) -> Any:
    """A payload in which something, somewhere, is not what Slack sends."""
    if isinstance(whole, dict) and whole and draw(st.integers(0, 3)):
        name = draw(st.sampled_from(sorted(whole)))
        changed = dict(whole)
        if draw(st.booleans()):
            changed[name] = draw(mutated(whole[name]))
        else:
            del changed[name]
        return changed
    if isinstance(whole, list) and whole and draw(st.booleans()):
        return [draw(mutated(whole[0])), *whole[1:]]
    return draw(JSON | st.sampled_from(["", "\x00", "\ud800", "x" * 300, -1, [], {}, [None]]))


PAYLOADS = st.sampled_from(
    [CLICK, EVENT, SUBMISSION, {"type": "url_verification", "challenge": "x"}]
).flatmap(mutated)
BODIES = st.one_of(
    st.binary(max_size=300),
    st.dictionaries(
        st.sampled_from(sorted(COMMAND)) | st.text(max_size=8), st.text(max_size=40), max_size=9
    ).map(lambda fields: urlencode(fields, errors="replace").encode()),
    st.tuples(st.sampled_from(sorted(COMMAND)), st.text(max_size=40)).map(
        lambda change: urlencode(COMMAND | {change[0]: change[1]}, errors="replace").encode()
    ),
    PAYLOADS.map(lambda payload: urlencode({"payload": json.dumps(payload)}).encode()),
    PAYLOADS.map(lambda payload: json.dumps(payload).encode()),
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [b"X-Slack-Signature", b"X-Slack-Request-Timestamp", b"Content-Encoding", b"X-Slack-Retry-Num"]
    ),
    st.binary(max_size=80).map(lambda value: bytes(byte for byte in value if byte not in b"\0\r\n")),
    max_size=3,
)


@REQUESTS
@given(PAYLOADS)
async def test_bolt_gets_only_what_it_can_read(payload: Any):
    """What passes the shapes makes nothing in Bolt or in a handler raise."""
    client = AsyncWebClient(token="xoxb-1", base_url="http://127.0.0.1:9/")

    async def press(ack: Any, body: Any) -> None:
        await ack()

    def register(app: Any) -> None:
        for action_id in CHOICES:
            app.action(action_id)(press)

    try:
        answer = await Bolt(client, Identity(client), register).dispatch(check(payload))
    except Malformed:
        return
    assert answer.status in {200, 404}


@REQUESTS
@given(BODIES, HEADERS)
async def test_nothing_unsigned_gets_through_the_door(body: bytes, headers: dict[bytes, bytes]):
    """Random bodies and headers: always a 4xx, and nobody behind the door hears of it."""
    async with open_door() as door:
        status = await door.send(body, *(name + b": " + value for name, value in headers.items()))

    assert 400 <= status < 500
    assert [] == door.passed


@pytest.mark.parametrize("content_type", [FORM, "application/json"])
async def test_the_whole_bot_answers_anything_signed_and_stops_nothing(tmp_path: Any, content_type: str):
    """Random and mutated requests with a good signature: never a 5xx; without one: never a DELETE."""
    async with workspace(tmp_path) as work:
        instance = work.vibecode.start_instance(steps=[Step(3600, locked=False)])
        url = work.slack.http_carriers[-1].url
        async with open_door() as door:
            door.port = int(url.split(":")[2].split("/")[0])
            await bombard(door, work, content_type)
            unsigned = urlencode(
                COMMAND | {"team_id": work.slack.team, "channel_id": work.channel.id, "text": instance}
            ).encode()
            for headers in ({}, signed_headers(SECRET, unsigned), signed_headers("", unsigned)):
                assert 401 == await door.post(unsigned, headers=headers)

        assert [] == work.vibecode.deletes()


async def bombard(door: Door, work: Workspace, content_type: str) -> None:
    """Send many bodies, each with a good signature, as if from the workspace's team and channel."""
    bodies: list[bytes] = []

    @REQUESTS
    @given(BODIES)
    def collect(body: bytes) -> None:
        bodies.append(body.replace(b"T1", work.slack.team.encode()).replace(b"C1", work.channel.id.encode()))

    collect()
    statuses = {}
    for body in bodies:
        headers = signed_headers(work.slack.signing_secret, body)
        statuses[body] = await door.post(body, content_type=content_type, headers=headers)

    assert {} == {body: status for body, status in statuses.items() if status >= 500}
    assert content_type != FORM or {200, 400} <= set(statuses.values())
