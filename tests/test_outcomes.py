"""Whatever Vibecode answers, the channel reads what happened, why, and what to do next."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from outcomes import SOON, WAITING, outcome_of
from workspace import Workspace

from bot.domain.errors import AUTHORISABLE
from bot.messages.error_catalog import EXPLANATIONS, explain
from bot.messages.termination import AUTHORISE
from sandbox.slack import Message
from sandbox.vibecode.trouble import STATUSES

#: What a person must be able to read for each code: a piece of why, and a piece of what to do next.
READS = {
    "VALIDATION_ERROR": ("did not accept the request", "Check the ID"),
    "MISSING_API_KEY": ("received no API key", "haltbot key set"),
    "INVALID_API_KEY": ("API key is invalid or expired", "haltbot key set"),
    "KEY_EXPIRED": ("API key has expired", "haltbot key set"),
    "KEY_INACTIVE": ("switched off", "haltbot key set"),
    "TOKEN_MISSING": ("no connected Bitrix24 account", "Authorise again"),
    "TOKEN_EXPIRED": ("session has ended", "Authorise again"),
    "INVALID_APP_KEY": ("without a session", "haltbot key set --session"),
    "INVALID_SESSION": ("session is not valid", "Authorise again"),
    "SESSION_APP_MISMATCH": ("another application", "Authorise again"),
    "BILLING_EXHAUSTED": ("balance is used up", "manages the Bitrix24 account"),
    "TRIAL_EXPIRED": ("trial has ended", "manages the Bitrix24 account"),
    "SCOPE_DENIED": ("lacks the scope *bizproc*", "new key with *bizproc*"),
    "BITRIX_ACCESS_DENIED": ("no portal administrator", "portal administrator to issue the key"),
    "WRITE_BLOCKED_READONLY_KEY": ("may only read", "READWRITE"),
    "KEY_POLICY_READONLY_REQUIRED": ("policy allows this key only to read", "READWRITE"),
    "OAUTH_REQUIRED": ("signed-in Bitrix24 user", "personal key"),
    "MANAGEMENT_KEY_NO_ENTITY_ACCESS": ("reaches no workflows", "personal key"),
    "B24_TARIFF_RESTRICTION": ("plan does not include this", "manages the Bitrix24 account"),
    "ENTITY_NOT_FOUND": ("no such workflow is running", "compare the ID"),
    "ROUTE_NOT_FOUND": ("address of the Vibecode API is wrong", "VIBECODE_API_URL"),
    "BITRIX_ERROR": ("could not process the request", "in the portal"),
    "RATE_LIMITED": ("too many calls", "in a minute"),
    "QUEUE_OVERFLOW": ("queue is full", "in a minute"),
    "ERROR_LOOP_DETECTED": ("after many failing calls", "Wait a few minutes"),
    "INTERNAL_ERROR": ("had an internal error", "running the command again is safe"),
    "BITRIX_UNAVAILABLE": ("Bitrix24 is unavailable", "running the command again is safe"),
    "BITRIX_TIMEOUT": ("did not answer Vibecode in time", "running the command again is safe"),
    "QUEUE_TIMEOUT": ("waited too long", "running the command again is safe"),
}
NOT_OF_THIS_CALL = {"INVALID_REDIRECT_URI"}
PASSING = {429, 500, 502, 504}


def reference_of(message: Message) -> str:
    found = re.search(r"ref ([a-z0-9]{12})\b", message.text)
    assert found, message.text
    return found[1]


async def last_event(work: Workspace) -> dict[str, Any]:
    return (await work.audit())[-1]


@pytest.mark.parametrize("code", sorted(STATUSES.keys() - NOT_OF_THIS_CALL))
async def test_every_documented_code_is_told(work: Workspace, code: str):
    """What happened, why, what to do next, the code, the HTTP status, and the reference of the audit."""
    why, next_step = READS[code]
    instance, message = await outcome_of(work, code, times=99, retry_after=SOON)

    text = message.text
    assert instance in text
    assert re.match(r"\*(Not stopped|Nothing to stop|Unknown):\*", text), text
    assert why.casefold() in text.casefold()
    assert next_step in text
    assert code in text
    assert f"HTTP {STATUSES[code]}" in text
    assert "Reason: loops" in text
    told = await last_event(work)
    assert (reference_of(message), code) == (told["reference"], told["detail"]["code"])
    # What may pass is tried seven times, and then it has an end; a refusal stays one.
    assert (7 if STATUSES[code] in PASSING else 1) == len(work.vibecode.deletes(instance))


def test_no_documented_code_falls_through():
    """Each has an entry of its own, and the table above speaks of each."""
    of_the_call = STATUSES.keys() - NOT_OF_THIS_CALL

    assert READS.keys() == of_the_call
    assert of_the_call <= EXPLANATIONS.keys()


def test_an_explanation_says_why_and_what_to_do():
    """Both are whole sentences; none of them repeats the code."""
    for code, explanation in EXPLANATIONS.items():
        assert explanation.why.endswith("."), code
        assert re.match(r"[A-Z].*[.`]\Z", explanation.next), code
        assert code not in explanation.why + explanation.next, code
        assert "Haltbot admin" not in explanation.remedy, code
        assert "button" not in explanation.remedy, code


@pytest.mark.parametrize("status", [302, 401, 404, 409, 418])
async def test_a_code_that_nobody_knows_is_told_by_its_class(work: Workspace, status: int):
    """A new code of a client error is shown with what its status means, and not repeated."""
    instance, message = await outcome_of(work, "unknown_code", status=status)

    assert "*Not stopped:*" in message.text
    assert explain("SOMETHING_NEW", status).next in message.text
    assert f"SOMETHING_NEW · HTTP {status}" in message.text
    assert 1 == len(work.vibecode.deletes(instance))


@pytest.mark.parametrize(
    ("what", "status"), [("empty", 403), ("html", 403), ("truncated", 403), ("not_utf8", 403), ("html", 500)]
)
async def test_a_body_that_cannot_be_read_is_told_by_its_status(work: Workspace, what: str, status: int):
    """A gateway's page or half an answer still leaves a status to go by."""
    _, message = await outcome_of(work, what, status=status, times=99, retry_after=SOON)

    assert ("*Not stopped:*" if status == 403 else "*Unknown:*") in message.text
    assert f"HTTP_{status} · HTTP {status}" in message.text


async def test_a_step_under_way_is_told_as_accepted(work: Workspace):
    """204 is not the end: the list still shows it, so nobody reads that it is gone."""
    instance = work.vibecode.start_instance()
    await work.command(f"{instance} loops")
    message = await work.told("*Accepted:*")

    assert "Stopped" not in message.text
    assert "current step" in message.text
    assert work.vibecode.is_running(instance)


async def test_a_list_that_cannot_be_read_is_told_as_unverified(work: Workspace):
    """Accepted, and we say that we could not look."""
    work.vibecode.script("SCOPE_DENIED", method="GET", times=99)
    instance = work.vibecode.start_instance(steps=[WAITING])
    await work.command(f"{instance} loops")
    message = await work.told("*Accepted:*")

    assert "Whether it is gone" in message.text
    assert "Stopped" not in message.text


async def test_an_expired_session_has_a_button_to_authorise_again(either: Workspace):
    """The button opens Vibecode's page, carries no key, and its click is acknowledged."""
    _, message = await outcome_of(either, "TOKEN_EXPIRED")
    delivery = await either.click(AUTHORISE)

    (button,) = message.elements
    assert button["url"].startswith(f"{either.vibecode.url}/v1/oauth/authorize")
    assert "vibe_" not in str(message.blocks) + message.text
    assert "Authorise" in button["text"]["text"]
    assert "button below" in message.text
    assert delivery.ok
    assert [] == either.whispers()


def test_only_a_session_is_authorised_again():
    """No button promises what it cannot do."""
    others = STATUSES.keys() - NOT_OF_THIS_CALL - AUTHORISABLE - {"RATE_LIMITED"}

    assert [] == [code for code in others if "button" in EXPLANATIONS[code].next]


async def test_the_application_s_session_that_ended_for_real(work: Workspace):
    """The whole way: an application's key with a session of yesterday."""
    key = work.vibecode.add_key("vibe_app_" + "a1b2c3d4" * 5)
    session = work.vibecode.add_session(key, expires_at=datetime.now(UTC).timestamp() - 1)
    await work.set_key(key, session=session)
    await work.command(f"{work.vibecode.start_instance()} loops")
    message = await work.told("session has ended")

    assert [AUTHORISE] == message.action_ids
    assert "TOKEN_EXPIRED · HTTP 401" in message.text


@pytest.mark.parametrize("code", ["SCOPE_DENIED", "TOKEN_EXPIRED", "ENTITY_NOT_FOUND"])
async def test_the_text_alone_is_complete(work: Workspace, code: str):
    """A screen reader hears all that the blocks show: every line of them is in the text."""
    _, message = await outcome_of(work, code)

    shown = [
        line
        for block in message.blocks
        for text in [block.get("text"), *(block.get("elements", []) if block["type"] == "context" else [])]
        if text
        for line in text["text"].split("\n")
    ]
    assert len(shown) >= 4
    assert [] == [line for line in shown if line not in message.text]


@pytest.mark.parametrize("force", ["", "force "])
async def test_a_person_s_text_is_inert(work: Workspace, force: str):
    """It mentions nobody, links nowhere and formats nothing, and Slack is asked not to unfurl."""
    reason = (
        "<!channel> <@U0VICTIM> @here *bold* _it_ ~no~ `code` <https://evil.example|ok> https://evil.example"
    )
    instance = work.vibecode.start_instance(steps=[WAITING])
    await work.command(f"{instance} {force}{reason}")
    message = await work.told("Force-terminate" if force else "*Stopped:*")

    text = message.text.replace(f"<@{work.requester.id}>", "")
    (line,) = [line for line in text.splitlines() if line.startswith("Reason:")]
    assert "<" not in text
    assert re.search(r"(?:(?<![^\W_])[*_~]|[`@]|://)(?!\u2060)", line) is None
    assert reason in str([block for block in message.blocks if block["type"] == "rich_text"])
    marked = [block["text"] for block in message.blocks if block["type"] == "section" and "text" in block]
    assert [True] * len(marked) == [text["verbatim"] for text in marked]
    posted = work.slack.calls_of("chat.postMessage")[0].arguments
    assert ("none", False, False) == (posted["parse"], posted["unfurl_links"], posted["unfurl_media"])


async def test_an_unusual_identifier_is_remarked_upon(work: Workspace):
    """It may be right, so it is tried; whoever mistyped it reads why nothing was found."""
    await work.command("wf-42 loops")

    assert "unusual shape" in (await work.told("Nothing to stop")).text
