"""The database: repositories written once in SQL, for SQLite and for PostgreSQL."""
