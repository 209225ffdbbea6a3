"""How secrets are sealed before they are stored."""

from typing import Protocol


class Vault(Protocol):
    """Seals secrets for the database; each is bound to its context and opens nowhere else."""

    def seal(self, secret: str, *context: str) -> str: ...

    def open(self, sealed: str, *context: str) -> str:
        """Raises KeyUndecryptable."""
        ...

    def key_id(self, key: str) -> str: ...
