"""What the command answers privately: help, ``show``, ``status``, a repeated request; and where a message went instead."""

from collections.abc import Sequence

from bot.domain.instance import Found, Lookup
from bot.domain.job import Job
from bot.domain.termination import Phase, Termination
from bot.messages import blocks
from bot.messages.instance_text import fields
from bot.messages.language import N_, _, n_, paragraph
from bot.messages.practice import banner
from bot.messages.refusals import EXAMPLE_ID
from bot.ports.messenger import Message

_USAGE = N_(
    (
        "*Stop a running Bitrix24 workflow*",
        "`{command} ID [reason]` stops it softly: the current step may finish, history is kept.",
        "`{command} ID force [reason]` aborts it at once. Haltbot asks you first; history and tasks may be lost.",
        "`{command} show ID` tells what it is, and stops nothing. `{command} status` tells what is under way here.",
        "`{command} config` shows who may do what in this channel.",
        "`{command} key` shows this channel's API key, redacted, and takes a new one in. `{command} connect` connects your account.",
        "An ID looks like `{example}`. You find it in the portal's list of running workflows, or in the error that brought you here. Everything behind the ID (and `force`) is the reason, passed on as typed.",
    )
)


def usage() -> str:
    """Tell what the command can do."""
    return "\n".join(_(sentence, example=EXAMPLE_ID) for sentence in _USAGE)


def set_up() -> str:
    """Say in a channel that it is connected."""
    return _("Haltbot is connected to this channel. `{command} help` tells what it can do.")


def duplicate(termination: Termination, phase: Phase, link: str | None) -> str:
    """Point to the message of the termination that is already there."""
    values = {"workflow": termination.request.workflow_id, "user": termination.request.user}
    return paragraph(
        _("Stopping `{workflow}` has just been done, asked by <@{user}>.", **values)
        if phase is Phase.DONE
        else _("Stopping `{workflow}` is already under way, asked by <@{user}>.", **values),
        _("<{link}|Here is its message>.", link=link) if link else _("Look for its message in this channel."),
        _("No second one was started. Reference {reference}.", reference=termination.id),
    )


_ELSEWHERE = N_(
    {
        "direct": "Haltbot is no member of this direct conversation, so each of its messages may be a new one.",
        "not_in_channel": "Haltbot is no member of <#{channel}>. To have it post there: `/invite @haltbot`",
        "channel_not_found": "Haltbot is no member of <#{channel}>. To have it post there: `/invite @haltbot`",
        "is_archived": "<#{channel}> is archived, so Haltbot tells it here.",
    }
)


def posted_elsewhere(code: str, channel: str) -> str:
    """Say, in the small print, why a message is not where it belongs, and what mends that."""
    other = N_("Slack did not take this message for <#{channel}> ({code}), so Haltbot tells it here.")
    says = _ELSEWHERE.get("direct" if channel.startswith("D") else code, other)
    return _(says, channel=channel, code=code)


def found(answer: Found) -> Message:
    """The private answer to ``show ID``; nothing was stopped."""
    opening = [*banner(answer.workflow_id), _found(answer.workflow_id, answer.lookup)]
    known = fields(answer.workflow_id, answer.lookup.instance, answer.portal, answer.at)
    shown = [blocks.section(text) for text in opening] + ([blocks.fields(known)] if known else [])
    lines = [*opening, *(_("{name}: {value}", name=name, value=value) for name, value in known)]
    return Message(blocks.spoken(lines), tuple(shown))


def _found(workflow: str, lookup: Lookup) -> str:
    if lookup.instance is not None:
        return _("*Workflow `{workflow}` is running.* Nothing was stopped.", workflow=workflow)
    if lookup.certain:
        gone = N_(
            "*Workflow `{workflow}` is not running:* it finished, was stopped before, or the ID has a typo."
        )
        return _(gone, workflow=workflow)
    missed = _("*Workflow `{workflow}` was not found in time.*", workflow=workflow)
    if not lookup.total:
        return paragraph(missed, _("This portal runs very many workflows."))
    count = n_("This portal runs {count} workflow.", "This portal runs {count} workflows.", lookup.total)
    return paragraph(missed, count)


def under_way(jobs: Sequence[Job], links: Sequence[str | None]) -> str:
    """List what is not finished in this channel."""
    if not jobs:
        return _("Nothing is under way in this channel.")
    lines = [_line(job, link) for job, link in zip(jobs, links, strict=True)]
    return "\n".join([_("*Under way in this channel*"), *lines])


def _line(job: Job, link: str | None) -> str:
    termination = job.termination
    facts = [
        _(_STATES[job.phase], workflow=termination.request.workflow_id),
        _("asked by <@{user}>", user=termination.request.user),
        _("<{link}|message>", link=link) if link else "",
        _("ref {reference}", reference=termination.id),
    ]
    return "• " + " · ".join(filter(None, facts))


_STATES = N_(
    {
        Phase.AWAITING_CONFIRMATION: "`{workflow}` waits for an answer",
        Phase.REQUESTED: "`{workflow}` is about to be stopped",
        Phase.CALLING: "`{workflow}` is being stopped",
        Phase.WATCHING: "`{workflow}` was accepted and is being watched",
        Phase.OFFERED: "`{workflow}` is still running; force is offered",
        Phase.TELLING: "`{workflow}` is finished; the message follows",
        Phase.DONE: "`{workflow}` is finished",
    }
)
