"""What was asked, decided and done can be read afterwards, also while the bot runs."""

import asyncio
import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from processes import haltbot, running_bot
from workspace import MAIN_EVENTS, Workspace, workspace

from bot.cli import main as cli
from bot.domain.audit import Event
from bot.messages.termination import FORCE_TERMINATE, KEEP_RUNNING
from bot.store.opening import open_store
from sandbox.vibecode import Step

WAITING = Step(3600, locked=False)
FIELDS = {
    "at",
    "event",
    "team",
    "channel",
    "user",
    "workflow_id",
    "force",
    "reason",
    "outcome",
    "reference",
    "seq",
}


async def exported(work: Workspace, kind: str) -> list[dict[str, Any]]:
    finished = await haltbot(
        "audit", "export", "--format", kind, environment={"DATABASE_URL": work.settings.database_url}
    )
    assert (0, "") == (finished.code, finished.err)
    if kind == "csv":
        return list(csv.DictReader(io.StringIO(finished.out)))
    return [json.loads(line) for line in finished.out.splitlines()]


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
async def test_the_audit_is_exported_while_the_bot_runs(tmp_path: Path, kind: str):
    """Another process reads the whole story, in order, with who, what, why and how it ended."""
    async with workspace(tmp_path, start=False) as work, running_bot(work):
        instance = work.vibecode.start_instance(steps=[WAITING])
        await work.command(f"{instance} force “stuck”, since 02:10\nsecond line")
        await work.told("Force-terminate")
        await work.click(FORCE_TERMINATE)
        message = await work.told("*Stopped:*")
        events = await exported(work, kind)

    assert FIELDS <= events[0].keys()
    assert ["requested", "confirmed", "attempted", "outcome"] == [
        event["event"] for event in events if event["event"] in MAIN_EVENTS
    ]
    assert "key_set" == events[0]["event"]
    story, outcome = events[1:], events[-1]
    assert {work.requester.id} == {event["user"] for event in story}
    assert {(work.slack.team, work.channel.id, instance) for _ in story} == {
        (event["team"], event["channel"], event["workflow_id"]) for event in story
    }
    assert {"“stuck”, since 02:10\nsecond line"} == {event["reason"] for event in story}
    assert "gone_verified" == outcome["outcome"]
    assert f"ref {outcome['reference']}" in message.text
    assert sorted(event["at"] for event in events) == [event["at"] for event in events]
    assert {"True" if kind == "csv" else True} == {event["force"] for event in story}


async def test_a_reason_that_looks_like_a_formula_stays_text_in_a_spreadsheet(work: Workspace):
    """A spreadsheet runs what begins with an equals sign; the export does not let it."""
    await work.command("../x force =HYPERLINK")
    await work.command(f"{work.vibecode.start_instance(steps=[WAITING])} =cmd|' /C calc'!A0")
    await work.told("*Stopped:*")

    assert {"", "'=cmd|' /C calc'!A0"} == {event["reason"] for event in await exported(work, "csv")}
    assert "=cmd|' /C calc'!A0" == (await exported(work, "jsonl"))[-1]["reason"]


async def test_the_intent_is_on_disk_before_the_act(work: Workspace):
    """While the call is on its way, the audit already says that it was asked for and attempted."""
    work.vibecode.latency = 0.3
    seen: list[list[str]] = []
    instance = work.vibecode.start_instance(steps=[WAITING])
    await work.command(f"{instance} loops")
    await work.vibecode.wait_for(lambda: work.vibecode.deletes(instance))
    seen.append(await work.events())
    work.vibecode.latency = 0
    await work.told("*Stopped:*")
    seen.append(await work.events())

    assert [["requested", "attempted"], ["requested", "attempted", "outcome"]] == seen


async def test_every_end_leaves_a_record(tmp_path: Path):
    """Refused, cancelled and expired ones too, each with who did it."""
    async with workspace(tmp_path, haltbot_confirmation_seconds=4) as work:
        first, second = work.vibecode.start_many(2, steps=[WAITING])
        await work.command("5141 loops", by=work.colleague)
        await work.command(f"{first} force loops")
        await work.told("Force-terminate")
        await work.click(KEEP_RUNNING, by=work.colleague)
        await work.click(KEEP_RUNNING)
        await work.told("Kept running")
        await work.command(f"{second} force loops")
        await work.slack.wait_for(lambda: "Expired" in work.slack.channel_messages(work.channel)[1].text)
        events = [event for event in await work.audit() if event["event"] in MAIN_EVENTS]

    rita, carl = work.requester.id, work.colleague.id
    assert [
        ("refused", carl, None, "refused:document_number"),
        ("requested", rita, first, None),
        ("refused", carl, first, "refused:not_the_requester"),
        ("cancelled", rita, first, "cancelled"),
        ("requested", rita, second, None),
        ("expired", rita, second, "expired"),
    ] == [(event["event"], event["user"], event["workflow_id"], event["outcome"]) for event in events]
    assert events[1]["reference"] == events[2]["reference"] == events[3]["reference"]
    assert [(True, "loops")] * 3 == [(event["force"], event["reason"]) for event in events[1:4]]


async def test_a_failure_is_recorded_with_its_code(work: Workspace):
    """The outcome names the code; the detail has the HTTP status."""
    work.vibecode.script("SCOPE_DENIED", method="DELETE")
    await work.command(f"{work.vibecode.start_instance()} loops")
    await work.told("Not stopped")
    outcome = (await work.audit())[-1]

    assert "failed:SCOPE_DENIED" == outcome["outcome"]
    assert ("SCOPE_DENIED", 403) == (outcome["detail"]["code"], outcome["detail"]["status"])


@pytest.mark.parametrize(("kind", "out"), [("jsonl", ""), ("csv", "seq,at,event,")])
def test_an_empty_audit_is_no_error(capsys, kind, out):
    """A fresh database: nothing, or a header."""
    asyncio.run(make_database())
    assert 0 == cli.run(["audit", "export", "--format", kind])
    assert capsys.readouterr().out.startswith(out)


async def make_database(*events: Event) -> None:
    store = await open_store("sqlite:///haltbot.db", owner="test", shared=True)
    for event in events:
        await store.record(event)
    await store.close()


async def test_a_reference_is_found_however_it_was_copied():
    """From a screen at night: with the word before it, in capitals, with a space behind it."""
    await make_database(
        Event(event="requested", team="T1", channel="C1", user="U1", workflow_id="1.2", reference="7k3fabc")
    )
    shown = await haltbot("audit", "show", " Ref 7K3Fabc ")
    unknown = await haltbot("audit", "show", "7K3")

    assert (0, "") == (shown.code, shown.err)
    assert shown.out.startswith("7k3fabc: workflow 1.2, soft")
    where = "The reference stands in the small line under the message, behind “ref”."
    assert (1, f"The audit knows no termination “7k3”. {where}\n") == (unknown.code, unknown.err)


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
async def test_a_poor_terminal_loses_nothing_of_the_record(kind):
    """What is exported is UTF-8; what is shown to a person has a question mark instead."""
    await make_database(
        Event(
            event="requested",
            team="T1",
            channel="C1",
            user="U1",
            workflow_id="1.2",
            reference="7k3",
            reason="→",
        )
    )
    poor = {"PYTHONIOENCODING": "ascii"}
    exported = await haltbot("audit", "export", "--format", kind, environment=poor)
    shown = await haltbot("audit", "show", "7k3", environment=poor)

    assert (0, "") == (exported.code, exported.err)
    assert "→" in exported.out
    assert (0, "") == (shown.code, shown.err)
    assert "Reason: ?" in shown.out
