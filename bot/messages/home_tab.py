"""Draws the Home tab. Channels are mentions, which Slack names to those alone who may know the name."""

from collections.abc import Sequence
from typing import Any

from bot.domain.command import COMMAND
from bot.domain.errors import Refused
from bot.domain.findings import Level
from bot.domain.job import Job
from bot.domain.overview import Overview
from bot.domain.practice import is_practice
from bot.messages import termination_text
from bot.messages.blocks import Block, context, permalink, plain, section
from bot.messages.findings_text import by_channel, line
from bot.messages.instance_text import moment
from bot.messages.mrkdwn import escape
from bot.messages.replies import refusal

_MOST_CHANNELS = 25


def home(overview: Overview, domain: str | None) -> dict[str, Any]:
    """Build the view; ``domain`` is the workspace's, for links to messages."""
    blocks: list[Block] = []
    blocks += _part(
        "Waiting for your answer", overview.to_confirm, overview.at, domain, "Nothing waits for you."
    )
    blocks += _part("Under way", overview.under_way, overview.at, domain, "Nothing is under way.")
    blocks += _part("In the last day", overview.recent, overview.at, domain, "Nothing was stopped.")
    if overview.channels:
        blocks.append(_header("Channels that you look after"))
        blocks += [
            _channel(channel, findings)
            for channel, findings in by_channel(overview.channels)[:_MOST_CHANNELS]
        ]
    small = f"`{COMMAND} help` in a channel tells how to stop a workflow. You see what you asked for or decided, and what happened in your channels."
    blocks.append(context(small))
    return {"type": "home", "blocks": blocks}


def refused(why: Refused) -> dict[str, Any]:
    """Build the view of somebody who may see nothing."""
    return {"type": "home", "blocks": [section(refusal(why))]}


def _part(title: str, jobs: Sequence[Job], now: int, domain: str | None, nothing: str) -> list[Block]:
    lines = [_line(job, now, domain) for job in jobs]
    return [_header(title), section("\n".join(lines) or nothing)]


def _line(job: Job, now: int, domain: str | None) -> str:
    termination = job.termination
    name = f"`{escape(termination.request.workflow_id)}`"
    link = permalink(domain, termination.posting.message)
    said = termination_text.headline(termination, job.phase, now)
    if name not in said:
        said = f"{name} {said}"
    practice = ":construction: " if is_practice(termination.request.workflow_id) else ""
    parts = [
        f"{practice}{said}",
        f"<#{termination.request.channel}>",
        moment(termination.request.requested_at),
    ]
    if link:
        parts.append(f"<{link}|message>")
    return "• " + " · ".join(parts)


def _channel(channel: str, findings: Sequence[Any]) -> Block:
    bad = [finding for finding in findings if finding.level is not Level.OK]
    lines = [f"*<#{channel}>*", *(line(finding, with_channel=False) for finding in bad)]
    if not bad:
        lines.append(":white_check_mark: Everything is ready.")
    return section("\n".join(lines))


def _header(text: str) -> Block:
    return {"type": "header", "text": plain(text)}
