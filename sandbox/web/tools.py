"""The forms with which trouble is made, workflows are started and blocks are tried out."""

import json
from collections.abc import Iterable

from sandbox.slack import SlackSandbox
from sandbox.vibecode import STATUSES, VibecodeSandbox
from sandbox.web.examples import EXAMPLES
from sandbox.web.html import Html, tag
from sandbox.web.portal import STARTS

MISBEHAVIOUR = {
    "hang": "no answer, ever",
    "drop": "the connection is cut",
    "html": "a gateway's HTML page",
    "empty": "an empty body",
    "truncated": "half a body",
    "not_utf8": "a body that is not UTF-8",
    "unknown_code": "a code nobody has seen",
}
CALLS = {"": "any call", "DELETE": "stop a workflow (DELETE)", "GET": "read the list (GET)"}

#: What can happen to Slack: the method that is hit, the error, and what a person would call it.
SLACK_TROUBLE: dict[str, tuple[str, str, str]] = {
    "late": ("delivery", "operation_timeout", "Haltbot acknowledges too late (operation_timeout)"),
    "unreachable": ("delivery", "dispatch_failed", "Haltbot cannot be reached (dispatch_failed)"),
    "ratelimited": ("chat.postMessage", "ratelimited", "The next message is rate-limited"),
    "not_in_channel": ("chat.postMessage", "not_in_channel", "Haltbot is not in the channel"),
    "invalid_blocks": ("chat.update", "invalid_blocks", "The next edit is refused (invalid_blocks)"),
    "drop": ("*", "drop", "The next call's connection is cut"),
}


def tools() -> Html:
    """Show all forms; they never change while the page is open."""
    return tag("div", _start(), _vibecode_trouble(), _slack_trouble(), _builder())


def armed(slack: SlackSandbox, vibecode: VibecodeSandbox) -> Html:
    """List the trouble that is still to come."""
    coming = [
        f"Vibecode: {trouble.what}, {trouble.times} left"
        + (f" for {trouble.method}" if trouble.method else "")
        for trouble in vibecode.planned_trouble
    ]
    coming += [f"Slack: {method}: {error}, {count} left" for method, error, count in slack.planned_failures]
    coming += ["Vibecode is down"] if vibecode.down else []
    coming += ["Slack is down"] if slack.down else []
    if not coming:
        return Html("")
    return tag(
        "div",
        tag("h3", "Still to come"),
        tag("ul", [tag("li", line) for line in coming]),
        tag("button", "Call it all off", type="button", class_="quiet", data_do="calm"),
        class_="armed",
    )


def _start() -> Html:
    buttons = [
        tag("button", label, type="button", class_="quiet", data_do="start", data_kind=kind)
        for kind, (label, _) in STARTS.items()
    ]
    return _tool("Start a workflow that…", tag("div", buttons, class_="row-actions"))


def _vibecode_trouble() -> Html:
    codes = _options((code, f"{status} {code}") for code, status in STATUSES.items())
    return _form(
        "Make Vibecode fail",
        "script",
        _select(
            "What happens",
            "what",
            [
                tag("optgroup", codes, label="Documented errors"),
                tag("optgroup", _options(MISBEHAVIOUR.items()), label="Misbehaviour"),
            ],
        ),
        _select("To which call", "method", _options(CALLS.items())),
        tag(
            "label",
            tag("span", "How often"),
            tag("input", type="number", name="times", value=1, min=1, max=20),
            class_="control",
        ),
        tag(
            "label",
            tag("input", type="checkbox", name="executes"),
            tag("span", "carried out all the same"),
            class_="choice",
        ),
        button="Let it fail",
    )


def _slack_trouble() -> Html:
    options = _options((name, words) for name, (_, _, words) in SLACK_TROUBLE.items())
    return _form(
        "Make Slack fail", "fail_slack", _select("What happens", "what", options), button="Let it fail"
    )


def _builder() -> Html:
    options = [
        tag("option", name, value=name, data_json=json.dumps(example, indent=2, ensure_ascii=False))
        for name, example in EXAMPLES.items()
    ]
    return _form(
        "Send blocks as Haltbot",
        "publish",
        _select("Example", "example", options),
        tag(
            "label",
            tag("span", "A message's blocks, or a view"),
            tag("textarea", name="json", rows=8, spellcheck="false"),
            class_="control",
        ),
        button="Send",
    )


def _form(title: str, act: str, *controls: Html, button: str) -> Html:
    submit = tag("button", button, type="submit", class_="button")
    return _tool(title, tag("form", controls, submit, data_do=act, aria_label=title))


def _tool(title: str, content: Html) -> Html:
    return tag("details", tag("summary", title), content, class_="tool", name="tool")


def _select(label: str, name: str, options: list[Html]) -> Html:
    return tag("label", tag("span", label), tag("select", options, name=name), class_="control")


def _options(pairs: Iterable[tuple[str, str]]) -> list[Html]:
    return [tag("option", words, value=value) for value, words in pairs]
