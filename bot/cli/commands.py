"""The commands of people at a shell, which the bot itself does without."""

import argparse
from collections.abc import Callable

from bot.cli import audit, backup, channel, doctor, key, migrate, practise, restore, setup

Add = Callable[..., argparse.ArgumentParser]


def add(command: Add, group: Callable[[str, str], Add]) -> None:
    """Add them to the command line's parser, which makes a command, or a group that makes them."""
    setup.add_command(command)
    doctor.add_command(command)
    practise.add_command(command)

    key.add_commands(group("key", "set, list, remove and rotate the channels' API keys"))
    channel.add_commands(group("channel", "show and change the channels' settings"))
    audit.add_commands(group("audit", "read the audit"))
    backup.add_command(command)
    restore.add_command(command)
    migrate.add_command(command)
