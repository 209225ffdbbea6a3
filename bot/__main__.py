"""The command ``haltbot``."""

import sys

from bot.cli import run


def main() -> None:
    """Run a command and exit with its code."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
