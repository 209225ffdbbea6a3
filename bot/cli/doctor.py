"""``haltbot doctor``: prints what is good and what has to be mended; the exit code is 1 if something fails."""

import json
from collections.abc import Sequence

import click

from bot.config.settings import ENV, Settings, SettingsInvalid, load, unknown_variables
from bot.domain.findings import Finding, Level, fail, ok, warn, worst
from bot.messages.findings import describe, json_of, remedy
from bot.operations.doctor.database_checks import check_secret_file
from bot.operations.doctor.doctor import check_installation
from bot.operations.doctor.http_checks import check_http


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for a machine.")
async def doctor(as_json: bool) -> int:
    """Check all that a termination needs, and say what to do."""
    findings = await _findings()
    if as_json:
        shown = [json_of(finding) for finding in findings]
        print(json.dumps({"level": worst(findings), "findings": shown}, ensure_ascii=False, indent=2))
    else:
        _print(findings)
    return 1 if worst(findings) is Level.FAIL else 0


async def _findings() -> list[Finding]:
    try:
        settings = load(Settings)
    except SettingsInvalid as invalid:
        return [fail("settings", _wrong(line), problem=line) for line in str(invalid).splitlines()]
    found = [ok("settings", "settings_good")]
    found += check_secret_file(ENV, "settings.file", "settings_file_open")
    if unknown := unknown_variables():
        found.append(warn("settings.unknown", "settings_unknown", names=unknown))
    return [*found, *await check_installation(settings), *await check_http(settings)]


def _wrong(line: str) -> str:
    # What setup asks for; it does not know the other settings.
    helped = line.startswith(("SLACK_BOT_TOKEN:", "SLACK_APP_TOKEN:", "SLACK_SIGNING_SECRET:"))
    return "settings_wrong_setup_helps" if helped else "settings_wrong"


def _print(findings: Sequence[Finding]) -> None:
    for finding in findings:
        where = f"{finding.team} {finding.channel}: " if finding.channel else ""
        print(f"{finding.level:<4}  {where}{describe(finding)}")
        if mends := remedy(finding):
            print(f"      → {mends}")
    count = sum(finding.level is not Level.OK for finding in findings)
    checks = "1 check" if len(findings) == 1 else f"{len(findings)} checks"
    print(f"\n{checks}, {count} to look at." if count else f"\n{checks}, all good.")
