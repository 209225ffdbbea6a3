"""Seals secrets with AES-GCM before they reach the database."""

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bot.domain.errors import KeyUndecryptable

KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = "v1"


class AesVault:
    """The first key seals, all of them open, so that keys can be rotated without a stop.

    What is sealed carries its context (such as team and channel) as associated data: copied to another
    row, it does not open.
    """

    def __init__(self, keys: list[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"an encryption key is {KEY_BYTES} bytes, written in base64")
        self._keys = [AESGCM(key) for key in keys]
        # Of the oldest key, which stays in the list until every row is sealed anew: key ids keep their value.
        self._naming_key = hashlib.sha256(b"haltbot key id" + keys[-1]).digest()

    def seal(self, secret: str, *context: str) -> str:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._keys[0].encrypt(nonce, secret.encode(), _associated(context))
        return f"{_VERSION}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, *context: str) -> str:
        version, _, body = sealed.partition(".")
        try:
            raw = base64.urlsafe_b64decode(body)
        except ValueError as damaged:
            raise KeyUndecryptable("the stored text is damaged") from damaged
        for key in self._keys if version == _VERSION else []:
            try:
                return key.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _associated(context)).decode()
            except (InvalidTag, ValueError):  # a wrong key, or too short to hold a nonce
                continue
        raise KeyUndecryptable("no encryption key opens the stored text here")

    def key_id(self, key: str) -> str:
        return hmac.new(self._naming_key, key.encode(), "sha256").hexdigest()[:16]


def decode_keys(text: str) -> list[bytes]:
    """Read comma-separated base64 keys. Raises ValueError that does not repeat them."""
    try:
        return [base64.b64decode(part, validate=True) for part in text.replace(" ", "").split(",") if part]
    except ValueError:
        raise ValueError("encryption keys are base64, separated by commas") from None


def key_file(path: Path) -> list[bytes]:
    """Read the key file beside an embedded database; make one, readable by its owner alone, at first use."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return decode_keys(path.read_text().strip())
    with os.fdopen(descriptor, "w") as file:
        file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return decode_keys(path.read_text().strip())


def _associated(context: tuple[str, ...]) -> bytes:
    # The length of each part goes in as well, so that ("ab", "c") and ("a", "bc") differ.
    return b"".join(f"{len(part.encode())}:{part}".encode() for part in context)
