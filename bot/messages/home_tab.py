"""Draws the Home tab. Channels are mentions, which Slack names to those alone who may know the name."""

from collections.abc import Sequence
from typing import Any

from bot.domain.errors import Refused
from bot.domain.findings import Finding, Level
from bot.domain.job import Job
from bot.domain.overview import Overview
from bot.domain.practice import is_practice
from bot.messages import termination_text
from bot.messages.blocks import Block, context, header, permalink, section
from bot.messages.findings import by_channel, line
from bot.messages.language import ENGLISH, _, speaking
from bot.messages.mrkdwn import escape
from bot.messages.refusals import refusal
from bot.messages.times import moment

_MOST_CHANNELS = 25


def home(overview: Overview, domain: str | None, *, language: str = ENGLISH) -> dict[str, Any]:
    """Build the view; ``domain`` is the workspace's, for links to messages."""
    with speaking(language):
        return {"type": "home", "blocks": _blocks(overview, domain)}


def refused(why: Refused, *, language: str = ENGLISH) -> dict[str, Any]:
    """Build the view of somebody who may see nothing."""
    with speaking(language):
        return {"type": "home", "blocks": [section(refusal(why))]}


def _blocks(overview: Overview, domain: str | None) -> list[Block]:
    def part(title: str, jobs: Sequence[Job], nothing: str) -> list[Block]:
        lines = [_line(job, overview.at, domain) for job in jobs]
        return [header(title), section("\n".join(lines) or nothing)]

    blocks = [
        *part(_("Waiting for your answer"), overview.to_confirm, _("Nothing waits for you.")),
        *part(_("Under way"), overview.under_way, _("Nothing is under way.")),
        *part(_("In the last day"), overview.recent, _("Nothing was stopped.")),
    ]
    if overview.channels:
        blocks.append(header(_("Channels that you look after")))
        blocks += [_channel(*each) for each in by_channel(overview.channels)[:_MOST_CHANNELS]]
    small_print = _(
        "`{command} help` in a channel tells how to stop a workflow. You see what you asked for or decided, and what happened in your channels."
    )
    return [*blocks, context(small_print)]


def _line(job: Job, now: int, domain: str | None) -> str:
    termination = job.termination
    name = f"`{escape(termination.request.workflow_id)}`"
    said = termination_text.headline(termination, job.phase, now)
    link = permalink(domain, termination.posting.message)
    facts = [
        "" if name in said else name,
        said,
        f"<#{termination.request.channel}>",
        moment(termination.request.requested_at),
        _("<{link}|message>", link=link) if link else "",
    ]
    practice = ":construction: " if is_practice(termination.request.workflow_id) else ""
    return f"• {practice}{' · '.join(filter(None, facts))}"


def _channel(channel: str, findings: Sequence[Finding]) -> Block:
    bad = [finding for finding in findings if finding.level is not Level.OK]
    lines = [f"*<#{channel}>*", *(line(finding, with_channel=False) for finding in bad)]
    if not bad:
        lines.append(_(":white_check_mark: Everything is ready."))
    return section("\n".join(lines))
