"""What the tests of the sandbox's Web API share: a clock that stands still, and Slack's refusals."""

import pytest
from slack_sdk.errors import SlackApiError


class Clock:
    """A clock that only moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


async def refusal(call):
    """Return the error code with which Slack refuses a call."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response["error"]
