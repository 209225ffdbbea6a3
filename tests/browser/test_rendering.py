"""mrkdwn, rich text, dates and Block Kit as HTML, by table; no browser is needed."""

import re
from typing import Any

import pytest

from bot.messages.mrkdwn import escape
from sandbox.slack.workspace import Person, UserGroup, Workspace
from sandbox.web import dates, mrkdwn
from sandbox.web.blocks import blocks
from sandbox.web.commands import declared
from sandbox.web.html import Html, join, tag
from sandbox.web.reader import Reader

NOON = 1_767_268_800  # 2026-01-01 12:00 UTC


def _ignore(_what: str, _detail: object) -> None:
    """Nobody listens to this workspace."""


@pytest.fixture(name="reader")
def _reader() -> Reader:
    workspace = Workspace(team="T1", bot_user="UBOT", clock=lambda: NOON + 60.0, on_change=_ignore)
    workspace.people |= {"U1": Person("U1", "Rita", "T1"), "U2": Person("U2", "Ca<rl", "T1")}
    workspace.user_groups["S1"] = UserGroup("S1", "approvers", ["U1"])
    return Reader(workspace, workspace.people["U1"])


MARKS = [
    ("*bold* _it_ ~no~ `code`", "<strong>bold</strong> <em>it</em> <s>no</s> <code>code</code>"),
    ("*_both_*", "<strong><em>both</em></strong>"),
    ("(*in brackets*), *then*.", "(<strong>in brackets</strong>), <strong>then</strong>."),
    ("a*b*c snake_case_name 2 * 3 * 4", "a*b*c snake_case_name 2 * 3 * 4"),
    ("* not bold* *nor this *", "* not bold* *nor this *"),
    ("`*as is* &lt;b&gt;`", "<code>*as is* &lt;b&gt;</code>"),
    ("one\ntwo", "one<br>two"),
    ("> said\n> twice\nafter", "<blockquote>said<br>twice</blockquote>after"),
    ("&gt; said", "<blockquote>said</blockquote>"),
    ("```\n*a*\n  b\n```", "<pre><code>*a*\n  b</code></pre>"),
    ("before ```x``` after", "before <pre><code>x</code></pre> after"),
    ("a &amp; b &lt;i&gt; &amp;lt;", "a &amp; b &lt;i&gt; &amp;lt;"),
    ("x < y <script>alert(1)</script>", "x &lt; y scriptalert(1)/script"),
    ('" onload="x', "&quot; onload=&quot;x"),
    (":warning: :unknown_one:", "⚠️ :unknown_one:"),
    ("\x000\x00 `a`", "0 <code>a</code>"),
]
CONTROLS = [
    ("<@U1>", '<span class="mention mention-me">@Rita</span>'),
    ("<@U2>", '<span class="mention">@Ca&lt;rl</span>'),
    ("<@U9>", '<span class="mention">@U9</span>'),
    ("<#C1|ops>", '<span class="mention">#ops</span>'),
    ("<#C1>", '<span class="mention">#C1</span>'),
    ("<!subteam^S1>", '<span class="mention">@approvers</span>'),
    ("<!here>", '<span class="mention mention-me">@here</span>'),
    ("<javascript:alert(1)|click>", "click"),
    ("`<@U2> <https://x.y|z>`", "<code>@Ca&lt;rl z</code>"),
    ("<!date^1767268800^{date_num} {time}|then>", '<time title="then">2026-01-01 12:00 PM</time>'),
    ("<!date^soon^{time}|then>", "then"),
    ("<!date^1767268800^{time}^https://x.y|then>", "12:00 PM</a>"),
]


@pytest.mark.parametrize(("typed", "shown"), MARKS)
def test_marks_are_read_as_slack_reads_them(reader: Reader, typed: str, shown: str):
    """Each mark where it opens and closes a word, and nowhere else; all the rest is text."""
    assert shown == mrkdwn.rendered(typed, reader)


@pytest.mark.parametrize(("typed", "shown"), CONTROLS)
def test_control_sequences_become_names_dates_and_safe_links(reader: Reader, typed: str, shown: str):
    """What stands between angle brackets is looked up; an address that is not the web's is only text."""
    assert mrkdwn.rendered(typed, reader).endswith(shown)


@pytest.mark.parametrize("verbatim", [True, False])
def test_bare_addresses_become_links_unless_the_text_is_verbatim(reader: Reader, verbatim: bool):
    """The address ends before the sentence's own full stop."""
    shown = mrkdwn.rendered("see https://example.com/a?b=1&amp;c=2.", reader, verbatim=verbatim)

    assert verbatim != ('href="https://example.com/a?b=1&amp;c=2"' in shown)
    assert shown.endswith(".")


@pytest.mark.parametrize("typed", ["*b* _i_ ~s~ `c`", "<@U1> <!here> & https://x.y", "*a*\n> b ```c```"])
def test_what_haltbot_escaped_is_shown_as_it_was_typed(reader: Reader, typed: str):
    """Haltbot's own escaping and this reading of mrkdwn fit together: nothing is left of either."""
    shown = mrkdwn.rendered(escape(typed), reader)

    assert re.search("<(?!br|blockquote|/blockquote)", shown) is None


LAYOUTS = [
    ("{date}", "January 1st, 2026"),
    ("{date_long}", "Thursday, January 1st, 2026"),
    ("{date_short_pretty} at {time_secs}", "today at 12:00:00 PM"),
    ("{date_slash} {day_divider}", "01/01/2026 Thursday, January 1st"),
    ("{ago}", "1 minute ago"),
    ("{unheard_of}", "{unheard_of}"),
]


@pytest.mark.parametrize(("layout", "written"), LAYOUTS)
def test_dates_are_written_by_the_tokens(reader: Reader, layout: str, written: str):
    """Slack's tokens, in the reader's habit."""
    assert written == reader.formatted(NOON, layout)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(-7200, "in 2 hours"), (-5, "in a moment"), (5, "just now"), (200_000, "2 days ago")],
)
def test_how_long_ago(seconds: int, written: str):
    """In the largest unit that fits, also ahead."""
    assert written == dates.formatted(NOON, "{ago}", now=NOON + seconds, tz="UTC", locale="en-US")


def test_a_zone_that_the_machine_lacks_is_utc():
    """A date in the wrong zone is better than no page."""
    assert "12:00" == dates.formatted(NOON, "{time}", now=NOON, tz="Mars/Base", locale="de-DE")
    assert "13:00" == dates.formatted(NOON, "{time}", now=NOON, tz="Europe/Berlin", locale="de-DE")


def test_html_escapes_whatever_was_not_built_here():
    """Text, attributes and nested lists of both."""
    made = tag(
        "p", "<b>", tag("i", "&"), None, ["x", Html("<br>")], title='"', class_="a", hidden=True, id=None
    )

    assert made == '<p title="&quot;" class="a" hidden>&lt;b&gt;<i>&amp;</i>x<br></p>'
    assert join("<", tag("br")) == "&lt;<br>"


def _plain(words: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": words}


OPTION = {"text": _plain("One"), "value": "1"}
ELEMENTS = [
    ({"type": "users_select", "initial_user": "U2"}, '<option value="U2" selected>Ca&lt;rl</option>'),
    ({"type": "conversations_select"}, "<select"),
    (
        {"type": "static_select", "option_groups": [{"label": _plain("G"), "options": [OPTION]}]},
        '<optgroup label="G">',
    ),
    ({"type": "checkboxes", "options": [OPTION], "initial_options": [OPTION]}, "checked"),
    ({"type": "multi_static_select", "options": [OPTION]}, 'type="checkbox"'),
    ({"type": "multi_users_select", "initial_users": ["U1"]}, 'value="U1" checked'),
    ({"type": "external_select", "initial_option": OPTION}, 'value="One" data-value="1"'),
    ({"type": "plain_text_input", "initial_value": "<x>"}, 'value="&lt;x&gt;"'),
    ({"type": "plain_text_input", "multiline": True, "initial_value": "<x>"}, "&lt;x&gt;</textarea>"),
    ({"type": "something_new"}, "(something_new)"),
]


@pytest.mark.parametrize(("element", "shown"), ELEMENTS, ids=lambda value: str(value)[:40])
def test_inputs_are_labelled_controls(reader: Reader, element: dict[str, Any], shown: str):
    """Each kind of input is tied to its label, its hint and what was wrong with it."""
    block = {"type": "input", "block_id": "b", "label": _plain("La<bel"), "hint": _plain("hint")}

    html = blocks([block | {"element": {"action_id": "a", **element}}], reader, {"b": "wr<ong"})

    assert shown in html
    assert "La&lt;bel" in html
    assert '<p id="error-b" class="error">wr&lt;ong</p>' in html


RUNS = [
    ({"type": "text", "text": "<a>\nb"}, "&lt;a&gt;<br>b"),
    ({"type": "text", "text": "x", "style": {"bold": True, "code": True}}, "<code><strong>x</strong></code>"),
    ({"type": "link", "url": "javascript:x"}, "javascript:x"),
    ({"type": "user", "user_id": "U1"}, "@Rita"),
    ({"type": "usergroup", "usergroup_id": "S1"}, "@approvers"),
    ({"type": "channel", "channel_id": "C1"}, "#C1"),
    ({"type": "emoji", "name": "tada"}, "🎉"),
    ({"type": "broadcast", "range": "here"}, "@here"),
    (
        {"type": "date", "timestamp": NOON, "format": "{time}", "fallback": "f"},
        '<time title="f">12:00 PM</time>',
    ),
    ({"type": "date", "timestamp": NOON, "format": "{time}", "url": "https://x.y"}, ">12:00 PM</a>"),
]


@pytest.mark.parametrize(("run", "shown"), RUNS)
@pytest.mark.parametrize("part", ["section", "quote", "preformatted"])
def test_rich_text_is_shown_run_by_run(reader: Reader, run: dict[str, Any], shown: str, part: str):
    """Nothing in a run's text is parsed."""
    block = {"type": "rich_text", "elements": [{"type": f"rich_text_{part}", "elements": [run]}]}

    assert shown in blocks([block], reader)


def test_other_blocks_have_their_place(reader: Reader):
    """Pictures are only described, since the page asks no other host for them; lists keep their numbers."""
    picture = {"type": "image", "image_url": "https://elsewhere.example/x.png", "alt_text": "a chart"}
    items = [{"type": "rich_text_section", "elements": [{"type": "text", "text": "third"}]}]
    ordered = {"type": "rich_text_list", "style": "ordered", "offset": 2, "elements": items}
    shown = blocks(
        [
            picture,
            {"type": "context", "elements": [picture, {"type": "mrkdwn", "text": "*small*"}]},
            {"type": "alert", "text": _plain("careful"), "level": "warning"},
            {"type": "markdown", "text": "words"},
            {"type": "rich_text", "elements": [ordered]},
        ],
        reader,
    )

    assert "elsewhere.example" not in shown
    assert '<ol class="indent-0" start="3"><li>third</li></ol>' in shown
    assert "careful" in shown


def test_the_commands_are_those_of_the_manifest():
    """The composer's hint is what Slack itself shows."""
    (command,) = declared()

    assert ("/terminate-workflow", "ID [force] [reason]") == (command.name, command.usage)
