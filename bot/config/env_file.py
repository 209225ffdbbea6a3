"""Reads and writes the file ``.env``, without touching what somebody else wrote into it."""

import os
import re
import tempfile
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values

MODE = 0o600
_VARIABLE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=-]*")


def read_env(text: str) -> dict[str, str]:
    """Read the variables that are set in the text of a ``.env``."""
    return {name.upper(): value or "" for name, value in dotenv_values(stream=StringIO(text)).items()}


def with_variables(text: str, values: Mapping[str, str | None]) -> str:
    """Set variables in the text of a ``.env``, each where it stands or at its end; None takes one out.

    All other lines stay as they are. Raises ValueError for a value that no line can hold.
    """
    left = dict(values)
    lines = []
    for line in text.splitlines():
        match = _VARIABLE.fullmatch(line)
        name = match[1].upper() if match else ""
        if name not in values:
            lines.append(line)
        elif name in left and (value := left.pop(name)) is not None:
            lines.append(f"{name}={_quoted(value)}")
    lines += [f"{name}={_quoted(value)}" for name, value in left.items() if value is not None]
    return "\n".join(lines) + "\n"


def writing_fault(path: Path) -> str | None:
    """Say why the file could not be written, before anybody typed what belongs into it; None if it could."""
    try:
        folder = path.resolve().parent
        with tempfile.TemporaryFile(dir=folder):
            return None
    except (OSError, RuntimeError) as error:
        return f"{path} cannot be written in {Path.cwd()} ({getattr(error, 'strerror', None) or error})."


def write_env(path: Path, text: str) -> None:
    """Put the file in its place in one step, readable by its owner alone; before that, nothing has changed."""
    target = path.resolve()
    handle, name = tempfile.mkstemp(prefix=f"{target.name}.", dir=target.parent)
    try:
        os.fchmod(handle, MODE)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    if "'" in value or "\n" in value:
        raise ValueError("this value cannot stand in .env")
    return f"'{value}'"
