"""How a story brings trouble on a call, and waits for what the channel reads in the end."""

import re
from typing import Any

from workspace import Workspace

from sandbox.slack import Message
from sandbox.vibecode import Step

WAITING = Step(3600, locked=False)
SOON = 0.05


async def ended(work: Workspace) -> Message:
    """Wait for the outcome in the channel's one message."""

    def is_over() -> Message | None:
        messages = work.slack.channel_messages(work.channel)
        return next((m for m in messages if not re.match(r"\*(Stopping|Force-terminat)", m.text)), None)

    return await work.slack.wait_for(is_over, 60)


async def outcome_of(work: Workspace, what: str, **script: Any) -> tuple[str, Message]:
    """Stop an instance whose DELETE calls meet this trouble; returns the instance and how it was told."""
    instance = work.vibecode.start_instance(steps=[WAITING])
    work.vibecode.script(what, method="DELETE", **script)
    await work.command(f"{instance} loops")
    return instance, await ended(work)
