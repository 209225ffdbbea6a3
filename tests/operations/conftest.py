"""The stores' fixtures, for what an operator does with them."""

from store.conftest import _postgres_server, _postgres_url

__all__ = ["_postgres_server", "_postgres_url"]
