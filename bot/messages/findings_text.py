"""How findings are told in Slack: privately, what is wrong and what mends it."""

from collections.abc import Iterable, Sequence

from bot.domain.findings import Finding, Level
from bot.messages.blocks import private
from bot.messages.mrkdwn import escape
from bot.ports.core import Message

_SIGNS = {Level.OK: ":white_check_mark:", Level.WARN: ":warning:", Level.FAIL: ":red_circle:"}


def line(finding: Finding, *, with_channel: bool = True) -> str:
    """One finding; Slack shows a channel's name to those alone who may see it."""
    where = f"<#{finding.channel}>: " if finding.channel and with_channel else ""
    # What was found may repeat somebody else's words; what to do are our own.
    remedy = f" {finding.remedy}" if finding.remedy else ""
    return f"{_SIGNS[finding.level]} {where}{escape(finding.told)}{remedy}"


def warning(findings: Sequence[Finding]) -> Message:
    """The private message to somebody who can mend it."""
    lines = ["*Haltbot found something to mend before it is needed:*"]
    lines += [f"• {line(finding)}" for finding in findings]
    lines.append("It is told once a week. `haltbot doctor` checks everything again.")
    return private("\n".join(lines))


def by_channel(findings: Iterable[Finding]) -> list[tuple[str, list[Finding]]]:
    """Group findings by their channel."""
    grouped: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.channel:
            grouped.setdefault(finding.channel, []).append(finding)
    return list(grouped.items())
