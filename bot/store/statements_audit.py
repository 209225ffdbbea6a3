"""The SQL statements for the audit, and for letting go of what is old."""

from dataclasses import fields

from bot.domain.audit import Event

COLUMNS = {field.name: "INTEGER" if field.type is bool else "TEXT" for field in fields(Event)}
"""The columns of a line of the audit beside its number and time, with their types."""
_NAMES = ", ".join(f'"{name}"' for name in COLUMNS)

# --- Lines ---

# Add a line to the audit.
RECORD = f"""
INSERT INTO event (at, {_NAMES}) VALUES ({{now}}, {", ".join(f":{name}" for name in COLUMNS)})
"""  # noqa: S608 (made of constants)

# Make a change, and add its lines of the audit if it returned a row, in one question over the network (PostgreSQL).
CHANGE_WITH_LINES = f"""
WITH changed AS (CHANGE), recorded AS (
    INSERT INTO event (at, {_NAMES})
    SELECT {{now}}, {", ".join(f'line."{name}"' for name in COLUMNS)}
    FROM changed, ROWS FROM (json_to_recordset(:lines) AS (
        {", ".join(f'"{name}" {kind}' for name, kind in COLUMNS.items())}
    )) WITH ORDINALITY AS line
    ORDER BY line.ordinality
)
SELECT * FROM changed
"""  # noqa: S608 (made of constants)

# Read the next lines of the audit.
EVENTS = "SELECT * FROM event WHERE seq > :after ORDER BY seq LIMIT :limit"

# Read the next lines of the audit about one termination.
EVENTS_ABOUT = "SELECT * FROM event WHERE reference = :reference AND seq > :after ORDER BY seq LIMIT :limit"

# Count what a channel's breaker counted.
ADMITTED = """
SELECT count(*) AS admitted FROM event
WHERE event = 'admitted' AND team = :team AND channel = :channel AND at > :since
"""

# Tell when Bitrix24 last did here what it was asked for.
WORKED_AT = """
SELECT max(at) AS at FROM event
WHERE at >= :since AND team = :team AND channel = :channel
    AND outcome IN ('gone_verified', 'accepted', 'already_gone')
    AND lower(workflow_id) NOT LIKE :practice
"""

# --- Retention ---

# Let go of what is older, unless somebody did lately: of all replicas one wins, and takes the chore on.
LET_GO = """
UPDATE retention SET keep_from = {now} - :keep WHERE keep_from <= {now} - :keep - :period
RETURNING keep_from
"""

# Delete the next lines of the audit that were let go of.
PURGE_EVENTS = """
DELETE FROM event WHERE seq IN (SELECT seq FROM event WHERE at < :before ORDER BY at LIMIT :limit)
RETURNING seq
"""

# Find where the next chunk of terminations ends. By the primary key, so that no index is kept up for this alone.
CHUNK_END = """
SELECT max(id) AS last FROM (SELECT id FROM job WHERE id > :after ORDER BY id LIMIT :limit) AS chunk
"""

# Delete those of a chunk that ended before.
PURGE_JOBS = """
DELETE FROM job WHERE id > :after AND id <= :last AND state = 'done' AND updated_at < :before
RETURNING id
"""

# Delete what remains of channels that were left before.
PURGE_LEFT = "DELETE FROM channel WHERE left_at < :before AND sealed_key IS NULL RETURNING channel"
