"""The commands of people at a shell, which the bot itself does without."""

import argparse
from collections.abc import Callable

from bot import cli_audit, cli_backup, cli_channel, cli_doctor, cli_key, cli_migrate, cli_practise, cli_setup

Add = Callable[..., argparse.ArgumentParser]


def add(command: Add, group: Callable[[str, str], Add]) -> None:
    """Add them to the command line's parser, which makes a command, or a group that makes them."""
    cli_setup.add_command(command)
    cli_doctor.add_command(command)
    cli_practise.add_command(command)

    cli_key.add_commands(group("key", "set, list, remove and rotate the channels' API keys"))
    cli_channel.add_commands(group("channel", "show and change the channels' settings"))
    cli_audit.add_commands(group("audit", "read the audit"))
    cli_backup.add_command(command)
    cli_migrate.add_command(command)
