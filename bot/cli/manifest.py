"""``haltbot manifest``: prints the Slack app's manifest."""

import click

from bot.cli.options import slack_mode_options
from bot.cli.shell import CommandFailed
from bot.operations.manifest import manifest as manifest_for


@click.command()
@slack_mode_options
def manifest(mode: str, url: str | None) -> None:
    """Print the Slack app's manifest."""
    try:
        print(manifest_for(mode, url), end="")
    except ValueError as wrong:
        raise CommandFailed(str(wrong)) from wrong
