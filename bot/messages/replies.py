"""What the command answers privately: help, ``show``, ``status``, a repeated request; and where a message went instead."""

from collections.abc import Sequence

from bot.domain.instance import Found, Lookup
from bot.domain.job import Job
from bot.domain.termination import Phase, Termination
from bot.messages import blocks
from bot.messages.instance_text import fields
from bot.messages.language import _, n_, paragraph
from bot.messages.practice import banner
from bot.messages.refusals import EXAMPLE_ID
from bot.ports.core import Message


def usage() -> str:
    """Tell what the command can do."""
    return "\n".join(
        [
            _("*Stop a running Bitrix24 workflow*"),
            _("`{command} ID [reason]` stops it softly: the current step may finish, history is kept."),
            _(
                "`{command} ID force [reason]` aborts it at once. Haltbot asks you first; history and tasks may be lost."
            ),
            _("`{command} show ID` tells what it is, and stops nothing."),
            _("`{command} status` tells what is under way here."),
            _("`{command} config` shows who may do what in this channel."),
            _("`{command} key` shows this channel's API key, redacted, and takes a new one in."),
            _("`{command} connect` connects your account."),
            "",
            _(
                "An ID looks like `{example}`. You find it in the portal's list of running workflows, or in the error that brought you here. Everything behind the ID (and `force`) is the reason, passed on as typed.",
                example=EXAMPLE_ID,
            ),
        ]
    )


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


def posted_elsewhere(code: str, channel: str) -> str:
    """Say, in the small print, why a message is not where it belongs, and what mends that."""
    if channel.startswith("D"):
        return _(
            "Haltbot is no member of this direct conversation, so each of its messages may be a new one."
        )
    match code:
        case "not_in_channel" | "channel_not_found":
            return _(
                "Haltbot is no member of <#{channel}>. To have it post there: `/invite @haltbot`",
                channel=channel,
            )
        case "is_archived":
            return _("<#{channel}> is archived, so Haltbot tells it here.", channel=channel)
        case _other:
            return _(
                "Slack did not take this message for <#{channel}> ({code}), so Haltbot tells it here.",
                channel=channel,
                code=code,
            )


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
        return _(
            "*Workflow `{workflow}` is not running:* it finished, was stopped before, or the ID has a typo.",
            workflow=workflow,
        )
    if lookup.total is None:
        return _(
            "*Workflow `{workflow}` was not found in time:* this portal runs very many workflows.",
            workflow=workflow,
        )
    return n_(
        "*Workflow `{workflow}` was not found in time:* this portal runs {count} workflow.",
        "*Workflow `{workflow}` was not found in time:* this portal runs {count} workflows.",
        lookup.total,
        workflow=workflow,
    )


def under_way(jobs: Sequence[Job], links: Sequence[str | None]) -> str:
    """List what is not finished in this channel."""
    if not jobs:
        return _("Nothing is under way in this channel.")
    lines = [_line(job, link) for job, link in zip(jobs, links, strict=True)]
    return "\n".join([_("*Under way in this channel*"), *lines])


def _line(job: Job, link: str | None) -> str:
    termination = job.termination
    facts = [
        _state(job.phase, termination.request.workflow_id),
        _("asked by <@{user}>", user=termination.request.user),
        _("<{link}|message>", link=link) if link else "",
        _("ref {reference}", reference=termination.id),
    ]
    return "• " + " · ".join(filter(None, facts))


def _state(phase: Phase, workflow: str) -> str:
    match phase:
        case Phase.AWAITING_CONFIRMATION:
            return _("`{workflow}` waits for an answer", workflow=workflow)
        case Phase.REQUESTED:
            return _("`{workflow}` is about to be stopped", workflow=workflow)
        case Phase.CALLING:
            return _("`{workflow}` is being stopped", workflow=workflow)
        case Phase.WATCHING:
            return _("`{workflow}` was accepted and is being watched", workflow=workflow)
        case Phase.OFFERED:
            return _("`{workflow}` is still running; force is offered", workflow=workflow)
        case Phase.TELLING:
            return _("`{workflow}` is finished; the message follows", workflow=workflow)
        case Phase.DONE:
            return _("`{workflow}` is finished", workflow=workflow)
