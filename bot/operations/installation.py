"""The steps of a first installation that need nobody: the link, the tokens' kinds, and the file ``.env``."""

import os
import re
import tempfile
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from urllib.parse import quote

from dotenv import dotenv_values

CREATE_APP = "https://api.slack.com/apps?new_app=1&manifest_yaml="
MODE = 0o600

_KINDS = {
    "xoxb-": "a bot token",
    "xoxp-": "a user token",
    "xapp-": "an app-level token",
    "xoxe": "a token of the kind that is renewed all the time",
}
_TOKEN = re.compile(r"[!#-&(-~]+")
_SIGNING_SECRET = re.compile(r"[0-9A-Za-z]{32}")
_VARIABLE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=-]*")


def create_link(manifest: str) -> str:
    """Make the address that opens Slack's form for a new app, filled in with the manifest."""
    # Comments are for people who read the file, and an address is better short.
    lines = [line for line in manifest.splitlines() if not line.lstrip().startswith("#")]
    return CREATE_APP + quote("\n".join(lines) + "\n", safe="")


def token_fault(token: str, prefix: str) -> str | None:
    """Say what is wrong with the kind of a token, without repeating it; None if nothing is."""
    if token.startswith(prefix):
        if token == prefix:
            return f"That is only the beginning of {_KINDS[prefix]}; copy all of it."
        if _TOKEN.fullmatch(token):
            return None
        return f"That begins like {_KINDS[prefix]}, but holds characters that no token has; copy it again."
    given = next((kind for start, kind in _KINDS.items() if token.startswith(start)), "something else")
    return f"That is {given}; {_KINDS[prefix]} is needed, which starts with {prefix}."


def signing_secret_fault(secret: str) -> str | None:
    """The same for a signing secret."""
    if _SIGNING_SECRET.fullmatch(secret):
        return None
    return "A signing secret has 32 letters and digits; it stands under Basic Information."


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
