"""A bot that dies in the middle of telling: the next one finds what was told already."""

import os
import signal

import pytest
from processes import running_bot
from workspace import workspace

from sandbox.vibecode import Step


@pytest.mark.parametrize("force", ["", "force "])
async def test_a_message_that_was_posted_at_the_moment_of_a_crash_is_found(tmp_path, force):
    """The bot is killed after Slack took the message and before it could be recorded where it stands."""
    async with workspace(tmp_path, start=False) as work:
        instance = work.vibecode.start_instance(steps=[Step(3600, locked=False)])
        async with running_bot(work) as bot:

            def kill(record) -> None:
                if record.kind == "message_posted" and bot.process.returncode is None:
                    os.kill(bot.process.pid, signal.SIGKILL)

            deaf = work.slack.listen(kill)
            await work.command(f"{instance} {force}loops")
            await bot.ended()
            deaf()
        # Many look at the same time after a crash; a rate limit is no reason to post once more.
        work.slack.fail("conversations.history", "ratelimited", times=5, retry_after=0)
        async with running_bot(work):
            await work.slack.wait_for(lambda: len(work.slack.calls_of("conversations.history")) > 5)
            message = await work.told("*Force-terminate" if force else "*Stopped")
            if force:
                await work.click("termination_keep")
                await work.told("*Kept running")
            else:
                await work.slack.wait_for(lambda: message.edited or work.slack.calls_of("chat.update"))

    assert 1 == len(work.slack.calls_of("chat.postMessage"))
