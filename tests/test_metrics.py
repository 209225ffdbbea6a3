"""The numbers: what happened is counted once, nothing personal is in a label, and docs/ names what exists."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families
from workspace import Workspace, workspace

from bot.domain.practice import Scene
from bot.messages.termination import FORCE_TERMINATE, KEEP_RUNNING
from bot.observability import metrics
from bot.operations.doctor.daily import Daily
from bot.operations.practice import make_instance
from bot.store.opening import open_store
from bot.store.store import SqlStore
from sandbox.vibecode import Step

DOCS = Path(__file__).parent.parent / "docs"
WAITS = Step(3600, locked=False)


class Count:
    """How much a sample grew since this was made."""

    def __init__(self, name: str, **labels: str) -> None:
        self._sample = (name, labels)
        self._before = self._value()

    def _value(self) -> float:
        return REGISTRY.get_sample_value(*self._sample) or 0.0

    @property
    def grown(self) -> float:
        return self._value() - self._before


async def test_a_termination_is_counted_from_its_request_to_its_outcome(work: Workspace):
    """One request, one outcome, its calls, its message, its acknowledgement."""
    asked = Count("haltbot_requests_total", kind="soft")
    gone = Count("haltbot_terminations_total", outcome="gone_verified", code="")
    took = Count("haltbot_termination_seconds_count", outcome="gone_verified")
    deleted = Count("haltbot_vibecode_call_seconds_count", method="DELETE", result="ok")
    posted = Count("haltbot_slack_call_seconds_count", method="chat.postMessage", result="ok")
    answered = Count("haltbot_acknowledgement_seconds_count", kind="command", result="ok")
    instance = work.vibecode.start_instance(steps=[WAITS])
    await work.command(f"{instance} loops")
    await work.told("is gone (verified")
    # The message is there before its call has come back.
    await work.stop()

    assert [1, 1, 1, 1, 1, 1] == [count.grown for count in (asked, gone, took, deleted, posted, answered)]


async def test_what_goes_wrong_is_counted_by_its_code(work: Workspace):
    """An unclear try, then a refusal; a code that nobody explains has no label of its own."""
    retried = Count("haltbot_retries_total", code="BITRIX_UNAVAILABLE")
    ended = Count("haltbot_terminations_total", outcome="unknown", code="SCOPE_DENIED")
    upstream = Count("haltbot_vibecode_call_seconds_count", method="DELETE", result="upstream_failed")
    refused = Count("haltbot_vibecode_call_seconds_count", method="DELETE", result="refused")
    work.vibecode.script("BITRIX_UNAVAILABLE", method="DELETE")
    work.vibecode.script("SCOPE_DENIED", method="DELETE")
    await work.command(f"{work.vibecode.start_instance()} loops")
    await work.told("*Unknown:*")

    assert [1, 1, 1, 1] == [count.grown for count in (retried, ended, upstream, refused)]
    assert ["", "TIMEOUT", "OTHER"] == [metrics.code_label(code) for code in (None, "TIMEOUT", "MADE_UP_77")]


@pytest.mark.parametrize(
    ("button", "end", "outcome"),
    [(FORCE_TERMINATE, "confirmed", "gone_verified"), (KEEP_RUNNING, "kept", "cancelled")],
)
async def test_confirmations_are_counted_by_their_end(work: Workspace, button, end, outcome):
    """A click that nobody may make is a refusal and no end."""
    ended = Count("haltbot_confirmations_total", end=end)
    stopped = Count("haltbot_terminations_total", outcome=outcome, code="")
    refused = Count("haltbot_refusals_total", reply="not_the_requester")
    await work.command(f"{work.vibecode.start_instance(steps=[WAITS])} force loops")
    await work.told("Started by")
    await work.click(button, by=work.colleague)
    await work.click(button)
    await work.told("is gone (verified" if button == FORCE_TERMINATE else "*Kept running:*")

    assert (1, 1, 1) == (ended.grown, stopped.grown, refused.grown)


async def test_an_expiry_is_an_end_too(tmp_path: Path):
    """Nobody answered."""
    expired = Count("haltbot_confirmations_total", end="expired")
    stopped = Count("haltbot_terminations_total", outcome="expired", code="")
    async with workspace(tmp_path, haltbot_confirmation_seconds=1) as work:
        await work.command(f"{work.vibecode.start_instance()} force loops")
        await work.told("*Expired:*")

    assert (1, 1) == (expired.grown, stopped.grown)


async def test_refused_commands_are_counted(work: Workspace):
    """By the name of their reply."""
    refused = Count("haltbot_refusals_total", reply="not_an_id")
    await work.command("§§§")

    assert 1 == refused.grown


async def test_practice_counts_nothing(work: Workspace):
    """A game day does not look like an incident on the dashboard."""
    counts = [
        Count("haltbot_requests_total", kind="soft"),
        Count("haltbot_terminations_total", outcome="gone_verified", code=""),
    ]
    store = await open_store(work.settings.database_url, owner="test", shared=True)
    instance = await make_instance(
        store, Scene.WAITS, team=work.slack.team, channel=work.channel.id, by="shell:test"
    )
    await store.close()
    await work.command(f"{instance} game day")
    await work.told("is gone (verified")

    assert [0, 0] == [count.grown for count in counts]


async def test_the_gauges_tell_how_much_there_is_to_do(work: Workspace):
    """A question that waits is unfinished, and not late."""
    await work.command(f"{work.vibecode.start_instance()} force loops")
    await work.told("Started by")
    store = await open_store(work.settings.database_url, owner="test", shared=True)
    nobody: Any = None
    await Daily(store, nobody, nobody, nobody).measure()
    await store.close()

    assert 1 == REGISTRY.get_sample_value("haltbot_unfinished", {"phase": "awaiting_confirmation"})
    assert 0 == REGISTRY.get_sample_value("haltbot_queue_age_seconds")


async def test_a_finished_queue_has_no_age(embedded: SqlStore):
    """What was there before is not left standing."""
    nobody: Any = None
    await Daily(embedded, nobody, nobody, nobody).measure()

    assert REGISTRY.get_sample_value("haltbot_unfinished", {"phase": "awaiting_confirmation"}) is None
    assert 0 == REGISTRY.get_sample_value("haltbot_queue_age_seconds")


async def test_no_label_holds_whom_or_what_it_was_about(work: Workspace):
    """No id, no reason, no secret on the page that anybody in the network may read."""
    instance = work.vibecode.start_instance(steps=[WAITS])
    await work.command(f"{instance} private matter")
    message = await work.told("is gone (verified")
    (reference,) = re.findall(r"ref (\w+)", message.text)
    async with httpx.AsyncClient() as http:
        page = (await http.get(f"http://127.0.0.1:{work.port}/metrics")).text

    assert "haltbot_terminations_total" in page
    for private in (instance, "private matter", reference, work.requester.id, work.channel.id, work.key):
        assert private not in page


def names() -> set[str]:
    """Every sample that the page can show."""
    found = set()
    for collector in vars(metrics).values():
        for family in collector.describe() if isinstance(collector, MetricWrapperBase) else ():
            suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"], "gauge": [""]}
            found |= {f"{family.name}{suffix}" for suffix in suffixes[family.type]}
    return found


def used(text: str) -> set[str]:
    return set(re.findall(r"\bhaltbot_[a-z_]+", text))


def test_the_dashboard_names_what_exists():
    """Each panel has a title and a query, and each query a metric that there is."""
    dashboard = json.loads((DOCS / "grafana.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]

    assert all(panel["title"] and panel["gridPos"] for panel in dashboard["panels"])
    assert len(queries) >= 10
    assert used(" ".join(queries)) <= names()
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_the_alerts_name_what_exists():
    """Each rule says what it means and what to do."""
    (group,) = yaml.safe_load((DOCS / "alerts.yaml").read_text())["groups"]

    assert used(" ".join(rule["expr"] for rule in group["rules"])) <= names()
    for rule in group["rules"]:
        assert {"summary", "description"} == rule["annotations"].keys()
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert re.fullmatch(r"Haltbot[A-Za-z]+", rule["alert"])


def test_every_metric_is_on_the_dashboard_or_in_an_alert():
    """Nobody counts what nobody looks at."""
    shown = used((DOCS / "grafana.json").read_text()) | used((DOCS / "alerts.yaml").read_text())
    families = {re.sub(r"_(total|bucket|count|sum)$", "", name) for name in names()}

    assert families == {re.sub(r"_(total|bucket|count|sum)$", "", name) for name in shown}


def test_the_page_is_readable_by_prometheus():
    """Its own parser takes it."""
    from prometheus_client import generate_latest  # noqa: PLC0415 -- only this test writes the page itself

    assert "haltbot_requests" in {
        family.name for family in text_string_to_metric_families(generate_latest().decode())
    }
