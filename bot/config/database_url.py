"""Judges a DATABASE_URL without any driver: what a driver says about an address may repeat its password."""

import re
from urllib.parse import unquote

SQLITE_SCHEME = "sqlite:///"
POSTGRES_SCHEMES = ("postgresql://", "postgres://")
_KINDS = "must be sqlite:///FILE or postgresql://…"
_ENCODE = (
    "percent-encode what is special in the user, the password and the host (@ is %40, / is %2F, % is %25)"
)
_PASSWORDS = frozenset({"password", "sslpassword"})
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:]*)(:[0-9]*)?")


def mistake_in(url: str) -> str | None:
    """Say what is wrong with it, None if nothing is; no part of it is repeated."""
    if url.startswith(SQLITE_SCHEME):
        return _mistake_in_path(url.removeprefix(SQLITE_SCHEME))
    scheme = next((scheme for scheme in POSTGRES_SCHEMES if url.startswith(scheme)), None)
    return _KINDS if scheme is None else _mistake_in_address(url.removeprefix(scheme))


def passwords_in(url: str) -> set[str]:
    """Find the passwords, as they are written and as they are meant, of an address that has no mistake."""
    if url.startswith(SQLITE_SCHEME):
        return set()
    address = url.partition("://")[2]
    user = _server(address).rpartition("@")[0]
    fields = (field.partition("=") for field in address.partition("?")[2].split("&"))
    written = {value for name, _, value in fields if name in _PASSWORDS} | {user.partition(":")[2]}
    return {form for password in written for form in (password, unquote(password)) if form}


def _mistake_in_path(path: str) -> str | None:
    if not path.strip():
        return f"{_KINDS}; the file's name is missing"
    if path == ":memory:":
        return "needs a file: what is kept in memory alone would be lost with the process"
    return None


def _mistake_in_address(address: str) -> str | None:
    if any(character.isspace() or not character.isprintable() for character in address):
        return f"holds a space or a line break; {_ENCODE}"
    if not _is_encoded(address):
        return f"holds a % that begins no code of two digits; {_ENCODE}"
    server = _server(address)
    if address.count("@") != server.count("@") or server.count("@") > 1:
        return f"holds a second @, or one behind the server's name; {_ENCODE}"
    hosts = server.rpartition("@")[2].split(",")
    if "#" in address or not all(_HOST.fullmatch(host) for host in hosts):
        return f"names no server, such as user:password@host:5432/name; {_ENCODE}"
    return None


def _server(address: str) -> str:
    return re.split(r"[/?#]", address, maxsplit=1)[0]


def _is_encoded(address: str) -> bool:
    if re.search(r"%(?![0-9A-Fa-f]{2})|%00", address):
        return False
    try:
        unquote(address, errors="strict")
    except UnicodeDecodeError:
        return False
    return True
