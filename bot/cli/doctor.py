"""``haltbot doctor``: prints what is good and what has to be mended; the exit code is 1 if something fails."""

import json
from collections.abc import Sequence

import click

from bot.config.settings import ENV, Settings, SettingsInvalid, load, unknown_variables
from bot.domain.findings import Finding, Level, worst
from bot.operations.doctor.database_checks import check_secret_file
from bot.operations.doctor.doctor import check_installation
from bot.operations.doctor.http_checks import check_http


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for a machine.")
async def doctor(as_json: bool) -> int:
    """Check all that a termination needs, and say what to do."""
    findings = await _findings()
    if as_json:
        shown = [finding.to_json() for finding in findings]
        print(json.dumps({"level": worst(findings), "findings": shown}, ensure_ascii=False, indent=2))
    else:
        _print(findings)
    return 1 if worst(findings) is Level.FAIL else 0


async def _findings() -> list[Finding]:
    try:
        settings = load(Settings)
    except SettingsInvalid as invalid:
        return [Finding("settings", Level.FAIL, line, _remedy(line)) for line in str(invalid).splitlines()]
    found = [Finding("settings", Level.OK, "The settings can be read.")]
    found += check_secret_file(ENV, "settings.file", "holds the tokens")
    if unknown := unknown_variables():
        told = f"There is no setting {', '.join(unknown)}; it is without effect."
        found.append(Finding("settings.unknown", Level.WARN, told, "Compare the name with docs/settings.md."))
    return [*found, *await check_installation(settings), *await check_http(settings)]


def _remedy(line: str) -> str:
    # What setup asks for; it does not know the other settings.
    helped = line.startswith(("SLACK_BOT_TOKEN:", "SLACK_APP_TOKEN:", "SLACK_SIGNING_SECRET:"))
    return "Correct it in .env or in the environment" + ("; haltbot setup helps." if helped else ".")


def _print(findings: Sequence[Finding]) -> None:
    for finding in findings:
        where = f"{finding.team} {finding.channel}: " if finding.channel else ""
        print(f"{finding.level:<4}  {where}{finding.told}")
        if finding.remedy:
            print(f"      → {finding.remedy}")
    count = sum(finding.level is not Level.OK for finding in findings)
    checks = "1 check" if len(findings) == 1 else f"{len(findings)} checks"
    print(f"\n{checks}, {count} to look at." if count else f"\n{checks}, all good.")
