"""The SQL statements that delete what the operator does not want to keep any longer."""

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
