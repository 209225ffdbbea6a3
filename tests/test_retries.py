"""What may pass is tried again, with care: nothing is sent twice that may have worked."""

from pathlib import Path

import pytest
from outcomes import SOON, WAITING, outcome_of
from workspace import Workspace, workspace

from bot.terminations.execute import Executor
from sandbox.vibecode.trouble import STATUSES


@pytest.mark.parametrize("code", ["RATE_LIMITED", "QUEUE_OVERFLOW", "BITRIX_UNAVAILABLE", "INTERNAL_ERROR"])
async def test_trouble_that_passes_is_waited_for(work: Workspace, code: str):
    """Two refusals and then success: the workflow is stopped, and the message says how often it was tried."""
    instance, message = await outcome_of(work, code, times=2, retry_after=SOON)

    assert "is gone (verified" in message.text
    assert "sent 3 times" in message.text
    assert [STATUSES[code], STATUSES[code], 204] == [c.status for c in work.vibecode.deletes(instance)]
    events = await work.audit()
    waits = [event["detail"]["wait_ms"] for event in events if event["event"] == "try_failed"]
    assert [50, 50] == waits
    assert code not in message.text


async def test_the_body_s_wish_comes_before_the_shorter_waits(work: Workspace):
    """Vibecode asked for 300 ms: no second call comes before."""
    instance, _ = await outcome_of(work, "RATE_LIMITED", retry_after=0.3)

    first, second = work.vibecode.deletes(instance)
    assert second.at - first.at >= 0.3


async def test_without_a_wish_the_waits_grow_and_are_jittered(work: Workspace):
    """A second or so for the first one; the message says meanwhile that it is being tried."""
    instance = work.vibecode.start_instance(steps=[WAITING])
    work.vibecode.script("BITRIX_UNAVAILABLE", method="DELETE")
    await work.command(f"{instance} loops")
    waiting = (await work.told("Not yet")).snapshot()
    message = await work.told("*Stopped:*")

    (failed,) = [event for event in await work.audit() if event["event"] == "try_failed"]
    assert 750 <= failed["detail"]["wait_ms"] <= 1250
    assert "Bitrix24 is unavailable" in waiting.text
    assert "keeps trying (BITRIX_UNAVAILABLE). Bitrix24 is unavailable. 1 try so far." in waiting.text
    assert waiting.ts == message.ts


@pytest.mark.parametrize("status", [504, 502])
async def test_a_timeout_behind_vibecode_looks_before_it_repeats(work: Workspace, status: int):
    """Bitrix24 may have done it while the gateway gave up: the list tells, and no second call is made."""
    instance, message = await outcome_of(
        work, "BITRIX_TIMEOUT", status=status, executes=True, retry_after=SOON
    )

    assert "as far as we can tell" in message.text
    assert ["DELETE", "GET"] == [call.method for call in work.vibecode.calls[:2]]
    assert 1 == len(work.vibecode.deletes(instance))


@pytest.mark.parametrize("status", [504, 502])
async def test_a_timeout_that_did_nothing_is_repeated_after_looking(work: Workspace, status: int):
    """Still in the list, so it is asked for once more."""
    instance, message = await outcome_of(work, "QUEUE_TIMEOUT", status=status, retry_after=SOON)

    assert "is gone (verified" in message.text
    assert ["DELETE", "GET", "DELETE"] == [call.method for call in work.vibecode.calls[:3]]
    assert 2 == len(work.vibecode.deletes(instance))
    assert "still_listed" in [event["event"] for event in await work.audit()]


async def test_not_found_after_an_unclear_try_is_told_as_stopped(work: Workspace):
    """The first try answered 502 and worked all the same: the 404 that follows is no typo."""
    _, message = await outcome_of(work, "BITRIX_UNAVAILABLE", executes=True, retry_after=SOON)

    assert "*Stopped, as far as we can tell:*" in message.text
    assert "typo" not in message.text
    assert "ENTITY_NOT_FOUND · HTTP 404" in message.text
    assert "already_gone" == (await work.audit())[-1]["outcome"]


@pytest.mark.parametrize("executes", [True, False])
async def test_a_lost_connection_looks_before_it_repeats(work: Workspace, *, executes: bool):
    """Whether Bitrix24 did it shows in the list: then nothing is sent again, else it is."""
    instance, message = await outcome_of(work, "drop", executes=executes)

    assert ("as far as we can tell" if executes else "is gone (verified") in message.text
    assert (1 if executes else 2) == len(work.vibecode.deletes(instance))
    assert not work.vibecode.is_running(instance)


@pytest.mark.parametrize("executes", [True, False])
async def test_a_timeout_looks_before_it_repeats(tmp_path: Path, *, executes: bool):
    """No answer within the limit: the same care as with a lost connection."""
    async with workspace(tmp_path, vibecode_timeout_seconds=0.2) as work:
        instance, message = await outcome_of(work, "hang", executes=executes)

        assert ("as far as we can tell" if executes else "is gone (verified") in message.text
        assert (1 if executes else 2) == len(work.vibecode.deletes(instance))


async def test_a_refused_connection_says_so_while_it_lasts(work: Workspace):
    """Vibecode is away and comes back: the message tells both."""
    instance = work.vibecode.start_instance(steps=[WAITING])
    await work.vibecode.stop()
    await work.command(f"{instance} loops")
    waiting = (await work.told("Not yet")).snapshot()
    await work.vibecode.start()
    stopped = await work.told("*Stopped:*")

    assert "Vibecode could not be reached" in waiting.text
    assert "CONNECTION_REFUSED" in waiting.text
    assert 1 == len(work.vibecode.deletes(instance))
    # What found no connection was not sent.
    assert "The call was sent" not in stopped.text


async def test_a_slow_call_says_that_it_is_under_way(work: Workspace):
    """A person at night sees within two seconds that something happens."""
    work.vibecode.latency = 1.3
    instance = work.vibecode.start_instance(steps=[WAITING])
    await work.command(f"{instance} loops")
    waiting = (await work.told("Stopping workflow")).snapshot()
    work.vibecode.latency = 0
    message = await work.told("*Stopped:*")

    assert waiting.ts == message.ts


BRIEF_LEASE = {"lease_ms": 900, "recording_seconds": 0.1}
"""What fails is taken up again within a second."""


async def test_what_fails_after_each_call_is_not_called_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """Bitrix24 accepts, and then Haltbot itself fails, again and again, until somebody is told."""

    async def fail(*_: object) -> None:
        raise RuntimeError("a fault after the call")

    monkeypatch.setattr(Executor, "_verify", fail)
    async with workspace(tmp_path, pace=BRIEF_LEASE | {"retries": 2}) as work:
        instance = work.vibecode.start_instance(steps=[3600])
        await work.command(f"{instance} loops")
        told = await work.told("*Unknown:*")

        assert 3 == len(work.vibecode.deletes(instance))
    assert "The call was sent 3 times" in told.text
    assert "REPEATED_CRASH" in told.text
    assert "a fault after the call" in caplog.text


async def test_what_fails_before_the_call_is_told_as_not_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Nothing was sent, so nothing is unknown."""

    async def fail(*_: object) -> None:
        raise RuntimeError("a fault before the call")

    monkeypatch.setattr(Executor, "execute", fail)
    async with workspace(tmp_path, pace=BRIEF_LEASE | {"crashes": 1}) as work:
        await work.command(f"{work.vibecode.start_instance()} loops")
        told = await work.told("*Not stopped:*")

        assert [] == work.vibecode.deletes()
    assert "Haltbot failed again and again" in told.text
