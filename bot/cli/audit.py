"""``haltbot audit``: prints the record of what was asked, decided and done."""

import csv
import io
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import click

from bot.cli.shell import CommandFailed, opened_store
from bot.domain.audit import Event

FIELDS = ("seq", "at", *(field.name for field in fields(Event)))


@click.group()
def audit() -> None:
    """Read the audit."""


@audit.command("export")
@click.option("--format", "kind", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
async def _export(kind: str) -> None:
    """Print the whole audit, oldest first."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A record is never printed with question marks in it, whatever the terminal can show.
        sys.stdout.reconfigure(encoding="utf-8")
    write = _csv_writer() if kind == "csv" else _write_json
    async with opened_store() as store:
        async for event in store.events():
            write(event)


@audit.command("show")
@click.argument("ref")
async def _show(ref: str) -> None:
    """Print everything about one termination; REF stands in the small line under its message."""
    # As somebody copies it by hand, from a message or from a screen at night.
    reference = ref.strip().casefold().removeprefix("ref ").strip()
    async with opened_store() as store:
        events = [event async for event in store.events(reference=reference)]
    if not events:
        raise CommandFailed(
            f"The audit knows no termination “{reference}”. The reference stands in the small line under the"
            " message, behind “ref”."
        )
    first = events[0]
    how = "force" if first["force"] else "soft"
    print(f"{first['reference']}: workflow {first['workflow_id']}, {how}, asked by {first['user']}")
    print(f"in channel {first['channel']} of team {first['team']}")
    if first["reason"]:
        print(f"Reason: {first['reason']}")
    for event in events:
        outcome = f"  {event['outcome']}" if event["outcome"] else ""
        print(f"{event['at']}  {event['event']:<16}{event['user']}{outcome}")
        for name, value in event["detail"].items():
            print(f"    {name}: {json.dumps(value, ensure_ascii=False)}")


def _write_json(event: Mapping[str, Any]) -> None:
    print(json.dumps({name: event[name] for name in FIELDS}, ensure_ascii=False))


def _csv_writer() -> Callable[[Mapping[str, Any]], None]:
    writer = csv.DictWriter(sys.stdout, FIELDS, lineterminator="\n")
    writer.writeheader()

    def write(event: Mapping[str, Any]) -> None:
        detail = json.dumps(event["detail"], ensure_ascii=False)
        writer.writerow({name: _inert(event[name]) for name in FIELDS} | {"detail": detail})

    return write


def _inert(value: Any) -> Any:
    # A spreadsheet would run a reason that begins like a formula.
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value
