"""The command ``haltbot``."""

import gc
import sys


def main() -> None:
    """Run a command and exit with its code."""
    # Nothing of what is loaded now is garbage: looking for some, again and again, would take a sixth of the start.
    # It is looked for again once the command is loaded.
    gc.disable()
    # A request leaves few cycles behind: looking for them after every 700 new objects took a tenth of each second.
    gc.set_threshold(20_000, 20, 50)
    from bot.cli.main import run  # noqa: PLC0415

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
