"""What was promised, compared with what Vibecode, Slack and the database saw."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, cast

from replicas.cluster import Cluster

from bot.domain.termination import Phase
from bot.store.opening import open_store
from bot.store.store import SqlStore

ENDINGS = (
    "*Stopped",
    "*Accepted",
    "*Nothing to stop",
    "*Not stopped",
    "*Unknown",
    "*Kept running",
    "*Expired",
)
DECISIONS = {"confirmed", "cancelled", "expired"}
FLAGS = ("The call was sent", "recovered after a restart", "as far as we can tell", "*Unknown")
"""One of these stands in a message whose call may have been carried out more than once."""


@dataclass
class Verdict:
    """Each list names what broke a promise."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unrecorded: list[str] = field(default_factory=list)
    second_messages: list[str] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)
    decided_twice: list[str] = field(default_factory=list)
    terminations: int = 0
    flagged: int = 0
    repeated: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)

    @property
    def broken(self) -> dict[str, list[str]]:
        names = ("lost", "doubled", "unrecorded", "second_messages", "untold", "decided_twice")
        return {name: found for name in names if (found := getattr(self, name))}


async def open_terminations(bots: Cluster) -> int:
    """Count what has neither ended nor waits for somebody who looks at an offer."""
    return sum(not _rests(row) for row in await _jobs(bots))


async def judge(bots: Cluster, acked: set[str]) -> Verdict:
    """Look at everything once nothing is under way any more."""
    work, verdict = bots.work, Verdict()
    deletes = Counter(call.instance for call in work.vibecode.deletes() if call.status != 429)
    events: dict[str, Counter[str]] = {}
    for line in await work.audit():
        events.setdefault(str(line["reference"]), Counter())[line["event"]] += 1
    messages: dict[str, list[str]] = {}
    for message in work.slack.workspace.messages:
        reference = ((message.metadata or {}).get("event_payload") or {}).get("reference")
        if reference is None and not message.visible_to and " ref " in message.text:
            reference = message.text.rpartition(" ref ")[2].strip()[:12]
        if reference is not None:
            messages.setdefault(reference, []).append(message.text)
    known = set()
    for row in await _jobs(bots):
        _judge_one(row, json.loads(row["payload"]), deletes, events, messages, verdict)
        known.add(row["workflow_id"])
    verdict.lost += sorted(acked - known)
    return verdict


def _judge_one(
    row: Any,
    termination: dict[str, Any],
    deletes: Counter[str | None],
    events: dict[str, Counter[str]],
    messages: dict[str, list[str]],
    verdict: Verdict,
) -> None:
    reference, instance = row["id"], row["workflow_id"]
    happened, told = events.get(reference, Counter()), messages.get(reference, [])
    flagged = any(flag in text for text in told for flag in FLAGS)
    verdict.terminations += 1
    verdict.flagged += flagged
    verdict.outcomes[str(termination["outcome"])] += 1
    verdict.repeated += deletes[instance] > 1
    note = f"{reference} {instance} {termination['outcome']} {dict(happened)} {told}"
    if not _rests(row) or termination["outcome"] is None:
        verdict.lost.append(note)
    if deletes[instance] > 1 and not flagged:
        verdict.doubled.append(note)
    if deletes[instance] > happened["attempted"]:
        verdict.unrecorded.append(note)
    if len(told) > 1:
        verdict.second_messages.append(note)
    if not told or not (told[0].startswith(ENDINGS) or row["phase"] == Phase.OFFERED):
        verdict.untold.append(note)
    if termination["force"] and sum(happened[name] for name in DECISIONS) != 1:
        verdict.decided_twice.append(note)


def _rests(row: dict[str, Any]) -> bool:
    return bool(row["state"] == "done" or row["phase"] == Phase.OFFERED)


async def _jobs(bots: Cluster) -> list[Any]:
    store = await open_store(bots.work.settings.database_url, owner="test", shared=True)
    try:
        # No method of the store lists everything: nobody but this needs it.
        rows: list[Any] = await cast(SqlStore, store).database.read(
            "SELECT id, workflow_id, state, phase, payload FROM job", {}
        )
        return rows
    finally:
        await store.close()
