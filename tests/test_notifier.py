"""Whoever has a termination speaks no longer than its lease leaves time to record what came of it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
from parts import changed
from slack_sdk.web.async_client import AsyncWebClient
from store.examples import running, to
from voice import OUTCOME, Voice, open_voice

from bot.channels.sharing import Sharing
from bot.config.vault import AesVault
from bot.domain.errors import Refused, SlackUnavailable
from bot.domain.job import Job
from bot.domain.pace import Pace
from bot.domain.termination import MessageRef
from bot.ports.messenger import Showing
from bot.slack.channels import SlackChannels
from bot.slack.messenger import PATIENCE, SlackMessenger
from bot.store.store import SqlStore
from bot.terminations.lease import Leases, Overtaken, is_held
from bot.terminations.notifier import Notifier
from bot.terminations.worker import Alarm


@pytest.fixture(name="voice")
async def _voice() -> AsyncIterator[Voice]:
    async with open_voice() as voice:
        yield voice


PACE = Pace()
VAULT = AesVault([b"k" * 32])


@pytest.fixture(name="notify")
def _notify(voice: Voice, embedded: SqlStore) -> Callable[..., Notifier]:
    """Make a notifier, with a messenger and a pace of its own where the story wants one."""
    client = AsyncWebClient(voice.slack.bot_token, base_url=voice.slack.api_url)

    def make(messenger: SlackMessenger = voice.messenger, pace: Pace = PACE) -> Notifier:
        leases = Leases(embedded, Alarm(), pace)
        return Notifier(leases, messenger, VAULT, Sharing(embedded, SlackChannels(client)), pace)

    return make


@pytest.fixture(name="notifier")
def _notifier(notify: Callable[..., Notifier]) -> Notifier:
    return notify()


async def held(store: SqlStore, voice: Voice, *, seconds: float) -> Job:
    """A job whose lease lasts so much longer than recording takes."""
    place = {"team": voice.slack.team, "channel": voice.channel.id, "user": voice.person.id}
    job = await running(store, **place)
    return replace(job, held_until=time.monotonic() + PACE.recording_seconds + seconds)


@pytest.mark.parametrize("method", ["chat.postMessage", "conversations.history"])
async def test_a_slack_that_hangs_leaves_time_to_record_it(
    notifier: Notifier, embedded: SqlStore, voice: Voice, method: str
):
    """Otherwise the lease would end meanwhile, and what happened would look like a crash."""
    job = await held(embedded, voice, seconds=0.2)
    job = replace(job, termination=changed(job.termination, maybe_shown=True))
    voice.slack.fail(method, "hang")

    with pytest.raises(SlackUnavailable):
        await notifier.show(job)

    assert is_held(job)


async def next_try(notifier: Notifier, job: Job) -> Job:
    """Show it, or remember what that came to, as a step does."""
    try:
        return replace(job, termination=await notifier.show(job))
    except SlackUnavailable as later:
        unsure = await notifier.unsure_where(job.termination, later)
        return replace(job, termination=changed(unsure, telling_tries=unsure.posting.telling_tries + 1))


@pytest.mark.parametrize(
    ("method", "trouble"),
    [
        ("conversations.history", "ratelimited"),
        ("conversations.history", "internal_error"),
        ("conversations.history", "drop"),
        ("chat.update", "ratelimited"),
    ],
)
async def test_a_lost_answer_stays_in_doubt_while_it_cannot_be_looked_up(
    notifier: Notifier, embedded: SqlStore, voice: Voice, method: str, trouble: str
):
    """Slack posted it and the connection broke; trouble with the look for it does not say that it was not posted."""
    job = await held(embedded, voice, seconds=60)
    url = VAULT.seal(voice.response_url(), job.termination.id)
    job = replace(job, termination=changed(job.termination, telling_tries=PATIENCE, response_url=url))
    voice.slack.fail("chat.postMessage", "drop_after")
    voice.slack.fail(method, trouble, times=3, retry_after=0 if trouble == "ratelimited" else None)

    for _ in range(4):
        job = await next_try(notifier, job)

    assert 1 == len(voice.texts())
    assert [] == voice.direct()
    assert job.termination.posting.message is not None


async def test_a_lost_answer_is_in_doubt_whatever_slack_wants_us_to_wait(
    notifier: Notifier, embedded: SqlStore, voice: Voice
):
    """A rate limit has posted nothing; behind a 5xx it may have been posted, with and without a Retry-After."""
    job = await held(embedded, voice, seconds=60)
    voice.slack.fail("chat.postMessage", "fatal_error", status=503, retry_after=0)
    voice.slack.fail("chat.postMessage", "ratelimited", retry_after=0)

    after_trouble = await next_try(notifier, job)
    after_limit = await next_try(notifier, job)

    assert after_trouble.termination.posting.maybe_shown
    assert not after_limit.termination.posting.maybe_shown


async def test_what_was_told_anew_is_not_told_once_more(notifier: Notifier, embedded: SqlStore, voice: Voice):
    """Somebody deleted the message, and the answer to the next one is lost."""
    job = await next_try(notifier, await held(embedded, voice, seconds=60))
    (message,) = voice.slack.channel_messages(voice.channel)
    voice.slack.workspace.delete(message)
    voice.slack.fail("chat.postMessage", "drop_after")

    for _ in range(2):
        job = await next_try(notifier, job)

    (anew,) = voice.slack.channel_messages(voice.channel)
    assert job.termination.posting.message is not None
    assert anew.ts == job.termination.posting.message.ts != message.ts


async def test_a_private_sentence_leaves_time_to_record_it(
    notifier: Notifier, embedded: SqlStore, voice: Voice
):
    """It has three ways, each of which may hang."""
    job = await held(embedded, voice, seconds=0.2)
    voice.slack.fail("chat.postEphemeral", "hang")

    with pytest.raises(SlackUnavailable):
        await notifier.refuse(job, Refused("who_unknown_yet"))

    assert is_held(job)


async def test_whoever_has_lost_the_lease_stays_silent(notifier: Notifier, embedded: SqlStore, voice: Voice):
    """Somebody else has taken over and speaks."""
    job = replace(await held(embedded, voice, seconds=0.2), held_until=time.monotonic() - 1)

    with pytest.raises(Overtaken):
        await notifier.show(job)
    with pytest.raises(Overtaken):
        await notifier.refuse(job, Refused("who_unknown_yet"))

    assert [] == voice.texts()
    assert [] == voice.slack.private_messages(voice.person)


class SlowMessenger(SlackMessenger):
    """Slack answers, and then this process is frozen for longer than its lease."""

    async def show(self, showing: Showing) -> MessageRef:
        at = await super().show(showing)
        await asyncio.sleep(1)
        return at


async def test_a_message_that_came_too_late_is_taken_back(
    notify: Callable[..., Notifier], embedded: SqlStore, voice: Voice
):
    """Whoever had taken over has posted it: theirs stays."""
    job = await held(embedded, voice, seconds=0.3 - PACE.recording_seconds)
    theirs = await voice.show(reference=job.termination.id)
    await embedded.advance(
        job, to(replace(job, termination=changed(job.termination, message=theirs)), job.phase)
    )
    assert voice.client.session is not None
    slow = SlowMessenger(voice.client, voice.client.session, lambda *_: OUTCOME)
    notifier = notify(slow, Pace(recording_seconds=0.0))

    with pytest.raises(SlackUnavailable):
        await notifier.show(job)

    (message,) = voice.slack.channel_messages(voice.channel)
    assert theirs.ts == message.ts
    assert 1 == len(voice.slack.calls_of("chat.delete"))


async def test_a_message_in_time_is_left_alone(notifier: Notifier, embedded: SqlStore, voice: Voice):
    """Nobody looks for another one."""
    job = await held(embedded, voice, seconds=60)

    await notifier.show(job)

    assert 1 == len(voice.texts())
    assert [] == voice.slack.calls_of("conversations.history")
