"""Every message fits Slack's rules, whatever a person typed, and its text says all that it shows."""

import ast
import inspect
import itertools
import re

import pytest
import samples
from hypothesis import given
from hypothesis import strategies as st
from parts import built, changed
from sources import SOURCES

from bot.domain import permissions
from bot.domain.errors import AUTHORISABLE, Refused
from bot.domain.instance import Instance
from bot.domain.termination import MessageRef, Outcome, Phase, Termination
from bot.messages.blocks import TEXT_LIMIT, permalink, private
from bot.messages.error_catalog import EXPLANATIONS
from bot.messages.mrkdwn import clip, escape
from bot.messages.refusals import REFUSALS, refusal
from bot.messages.termination import AUTHORISE, CHOICES, CONNECT, Cards, question_of
from bot.ports.messenger import Message
from sandbox.slack.block_kit import block_faults

NOW = 1_700_000_000_000
CARDS = Cards("https://vibecode.example.com/v1/oauth/authorize")
BARE = built(
    id="abcdefgh2345",
    team="T1",
    channel="C1",
    user="U1",
    workflow_id="69f0c2d5ade389.22457798",
    force=True,
    reason="",
    requested_at=NOW,
    expires_at=NOW + 300_000,
)
REASONS = {
    "none": "",
    "short": "loops",
    "entities": "&<>" * 1000,
    "formatting": "*_~`@" * 600,
    "links": "http://x" * 375,
    "emojis": "🔁" * 3000,
    "newlines": "\n" * 1500 + "x" * 1500,
}
INSTANCE = Instance(
    "69f0c2d5ade389.22457798",
    template_id="713" * 80,
    document_id="DEAL_<!channel>" + "&" * 240,
    entity="CCrmDocumentDeal",
    started_at=NOW - 3_600_000,
    started_by="7",
    modified_at=NOW - 60_000,
    locked_until=NOW - 600_000,
)


def card(termination: Termination, phase: Phase) -> Message:
    return CARDS.termination(termination, phase, NOW)


def states() -> list[tuple[Termination, Phase]]:
    """A termination in each phase, and with each outcome and code."""
    under_way = [
        (changed(BARE, force=force, trouble=trouble, sent=("soft",) * 3, seen=seen), phase)
        for phase in Phase
        if phase not in (Phase.TELLING, Phase.DONE)
        for force in (True, False)
        for trouble in (None, "BITRIX_UNAVAILABLE")
        for seen in (None, INSTANCE)
    ]
    ended = [
        (
            changed(
                BARE,
                outcome=outcome,
                code=code,
                status=500,
                ended_at=NOW,
                decided_by="U1",
                sent=("force",) * 7,
                recovered=True,
                unsure=unsure,
                verified=verified,
                seen=INSTANCE,
            ),
            Phase.TELLING,
        )
        for outcome, unsure, verified in itertools.product(Outcome, (True, False), (None, True, False))
        for code in (None, "SCOPE_DENIED", "SOMETHING_NEW", "TOKEN_EXPIRED")
    ]
    return under_way + ended


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_every_message_fits_slack_s_rules(reason):
    """Each phase, outcome and code with each kind of reason: blocks that Slack takes, text that it takes."""
    for termination, phase in states():
        message = card(changed(termination, reason=REASONS[reason]), phase)

        assert [] == block_faults(list(message.blocks)), (phase, termination.result.outcome)
        assert 0 < len(message.text) <= TEXT_LIMIT


def test_the_text_alone_says_what_the_blocks_say():
    """Every line of every section and of the small print, for whoever hears it read out."""
    for termination, phase in states():
        message = card(changed(termination, reason="loops"), phase)
        spoken = plain(message.text)

        texts = [
            text["text"]
            for block in message.blocks
            if block["type"] in ("section", "context")
            for text in [*([block["text"]] if "text" in block else []), *block.get("elements", [])]
        ]
        assert len(texts) >= 2
        for line in "\n".join(texts).split("\n"):
            assert plain(line) in spoken


def plain(text: str) -> str:
    """The dates as those see them whose Slack cannot show them in their own zone."""
    return re.sub(r"<!date\^[^|>]*\|([^>]*)>", r"\1", text)


def test_a_person_s_text_stands_as_it_is_in_a_quote():
    """A rich_text element parses nothing, so the reason is shown letter for letter."""
    reason = "<!channel> *bold* & <@U1>"
    message = card(changed(BARE, reason=reason), Phase.REQUESTED)

    (quote,) = [block for block in message.blocks if block["type"] == "rich_text"]
    assert reason == quote["elements"][0]["elements"][0]["text"]
    assert "<!" not in message.text
    assert "*bold" not in message.text


def test_what_bitrix24_says_of_an_instance_is_inert_too():
    """A document's name is somebody's text as well."""
    message = card(changed(BARE, seen=INSTANCE), Phase.AWAITING_CONFIRMATION)

    assert "<!channel>" not in str(message.blocks) + message.text


@given(st.text())
def test_escaped_text_neither_mentions_nor_links_nor_formats(text):
    """No control character is left, and no mark of formatting stands before a letter."""
    inert = escape(text)

    assert not set("<>") & set(inert)
    assert re.search(r"&(?!(?:amp|lt|gt);)", inert) is None
    assert re.search(r"(?:(?<![^\W_])[*_~]|[`@]|://)(?!\u2060)", inert) is None


@given(st.text("&<>xy ", max_size=80), st.integers(20, 60))
def test_clipping_is_seen_and_cuts_no_entity(text, limit):
    """Half an entity would be shown as it is."""
    clipped = clip(escape(text), limit)

    assert len(clipped) <= limit
    assert (clipped == escape(text)) == (len(escape(text)) <= limit)
    assert re.search(r"&(?!(?:amp|lt|gt);)", clipped) is None


@pytest.mark.parametrize("code", sorted(EXPLANATIONS))
def test_only_what_ends_in_the_browser_has_a_button_for_it(code):
    """The button appears for a session that ended, and for nothing else."""
    message = card(changed(BARE, outcome=Outcome.FAILED, code=code, status=401), Phase.TELLING)

    urls = [e.get("url") for b in message.blocks if b["type"] == "actions" for e in b["elements"]]
    assert ([CARDS.authorise_url] if code in AUTHORISABLE else []) == urls
    assert ("button below" in message.text) == bool(urls)


@pytest.mark.parametrize(("signed_in", "words"), [(True, "goes on by itself"), (False, "Authorise again")])
def test_only_an_application_s_key_is_connected_to(signed_in: bool, words: str):
    """The session of a personal key is its owner's, and Haltbot cannot renew it."""
    refused = changed(
        BARE, outcome=Outcome.FAILED, code="TOKEN_EXPIRED", status=401, signed_in=signed_in, ended_at=1
    )
    message = Cards("https://auth.example/", connects=True).termination(refused, Phase.TELLING, 2)

    (actions,) = [block for block in message.blocks if block["type"] == "actions"]
    assert [CONNECT if signed_in else AUTHORISE] == [e["action_id"] for e in actions["elements"]]
    assert words in message.text


def test_the_buttons_carry_their_question():
    """A button of an older question can be told from one of the present question."""
    message = card(changed(BARE, number=3), Phase.AWAITING_CONFIRMATION)
    (actions,) = [block for block in message.blocks if block["type"] == "actions"]

    assert {(BARE.id, 3)} == {question_of(element["value"]) for element in actions["elements"]}
    assert {element["action_id"] for element in actions["elements"]} <= CHOICES.keys()
    assert ["danger"] == [e["style"] for e in actions["elements"] if "style" in e]


@pytest.mark.parametrize("value", ["", "abc", "abc.", "abc.x", "abc.-1", "abc.²", "abc.1.2", "abc 1", ".1"])
def test_a_value_that_we_did_not_write_is_no_question(value):
    """Anybody can send a click with any value."""
    assert question_of(value) is None


@pytest.mark.parametrize(("value", "question"), [("abc.1", ("abc", 1)), ("abc.12", ("abc", 12))])
def test_a_value_that_we_wrote_is_read_back(value, question):
    """The reference, and the number of the question."""
    assert question == question_of(value)


@pytest.mark.parametrize(
    ("domain", "at", "link"),
    [
        (
            "acme",
            MessageRef("C1", "1700000000.000100", "channel"),
            "https://acme.slack.com/archives/C1/p1700000000000100",
        ),
        (None, MessageRef("C1", "1.1", "channel"), None),
        ("acme", MessageRef("C1", None, "response_url"), None),
        ("acme", None, None),
    ],
)
def test_a_message_is_linked_to_where_it_can_be(domain, at, link):
    """Without asking Slack for it."""
    assert link == permalink(domain, at)


def test_every_refusal_has_a_sentence_that_helps():
    """What was refused, and that nothing was done or sent."""
    typed = {"typed": "<!channel>*x*", "word": "<!here>"}
    for refused in samples.refused():
        sentence = refusal(Refused(refused.reply, **refused.detail | typed))
        message = private(sentence)

        assert [] == block_faults(list(message.blocks)), refused.reply
        assert "<!channel" not in sentence, refused.reply
        assert "<!here" not in sentence, refused.reply
        assert sentence.rstrip().endswith((".", "`", BARE.id)), refused.reply


def test_every_refusal_that_is_raised_has_a_sentence():
    """Nobody reads a KeyError, and no sentence is kept for what is never raised."""
    assert raised("\n".join(path.read_text() for path in SOURCES)) == REFUSALS.keys()


def test_a_refusal_that_is_raised_is_found():
    """By its name, whether it is a call's argument or a verdict's reply."""
    code = 'raise Refused("one")\nRefused("two", x=1)\nRefused(x or "three")\nreply = "four"\nreturn "five"'

    assert {"one", "two", "three"} == raised(code) - VERDICTS


VERDICTS = {"other_team", "not_a_person", "guest", "not_granted", "group_unreadable", "people_unreadable"}
"""What bot.domain.permissions answers about somebody, which ``Verdict.refused`` raises."""


def raised(code: str) -> set[str]:
    """Every name with which a refusal is made."""
    found = set(VERDICTS)
    for call in ast.walk(ast.parse(code)):
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Name)
            and call.func.id == "Refused"
            and call.args
        ):
            found.update(str(text.value) for text in ast.walk(call.args[0]) if isinstance(text, ast.Constant))
    return found


def test_the_verdicts_are_those_of_the_permissions():
    """Read from their source, so that one that is added is not forgotten."""
    source = ast.parse(inspect.getsource(permissions))
    functions = [node for node in source.body if getattr(node, "name", "") in ("verdict", "_shut_out")]
    texts = {
        node.value for function in functions for node in ast.walk(function) if isinstance(node, ast.Constant)
    }

    assert VERDICTS == {text for text in texts if isinstance(text, str) and text.isidentifier()}


def test_building_a_message_is_pure():
    """The same termination looks the same, whatever was drawn before it; and nothing is asked of the world."""
    first = [card(*state) for state in states()]
    speaking = [path for path in SOURCES if path.parent.name == "messages"]
    imported = {
        name.partition(".")[0]
        for path in speaking
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [a.name for a in getattr(node, "names", ())]
        )
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    pure = {
        "collections",
        "contextlib",
        "contextvars",
        "dataclasses",
        "datetime",
        "functools",
        "html",
        "json",
        "re",
        "typing",
    }

    assert first == [card(*state) for state in reversed(states())][::-1]
    assert imported - pure == {"bot", "gettext", "pathlib"}
    assert [] == [path.name for path in speaking if re.search(r"\.(now|today|utcnow)\(", path.read_text())]
