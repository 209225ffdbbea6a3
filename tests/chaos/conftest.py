"""PostgreSQL, of the chaos test's own, since it is restarted again and again."""

from store.conftest import _postgres_server

__all__ = ["_postgres_server"]
