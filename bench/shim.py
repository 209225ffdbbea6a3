"""Builds the library that makes every flush of the disk slower, where there is a compiler."""

import shutil
import subprocess
from pathlib import Path

_DELAYS_MS = (0, 3, 10)
SOURCE = Path(__file__).with_name("fsync_delay.c")


def build_shim(folder: Path) -> Path | None:
    """Compile it into the folder; None where no compiler is found."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    # PostgreSQL, which runs as somebody else where we are root, has to reach it too.
    folder.chmod(0o711)
    library = folder / "fsync_delay.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE), "-ldl"], check=True)
    return library


def delays_ms(shim: Path | None) -> tuple[int, ...]:
    """How much longer a flush is to take, in turn; without the library as long as it does."""
    return _DELAYS_MS if shim is not None else _DELAYS_MS[:1]


def slowed(shim: Path | None, milliseconds: int) -> dict[str, str]:
    """Return the environment of a process whose flushes take so much longer."""
    if milliseconds == 0 or shim is None:
        return {}
    return {"LD_PRELOAD": str(shim), "FSYNC_DELAY_US": str(milliseconds * 1000)}
