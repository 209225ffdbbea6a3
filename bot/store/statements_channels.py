"""The statements about channels' keys and settings."""

_KEY_COLUMNS = "team, channel, sealed_key, sealed_session, key_id, hint, set_by, set_at"

# Read a channel's key.
CHANNEL_KEY = f"""
SELECT {_KEY_COLUMNS} FROM channel WHERE team = :team AND channel = :channel AND sealed_key IS NOT NULL
"""  # noqa: S608 (made of constants)

# List every channel's key.
CHANNEL_KEYS = f"""
SELECT {_KEY_COLUMNS} FROM channel WHERE sealed_key IS NOT NULL ORDER BY team, channel
"""  # noqa: S608 (made of constants)

# Give a channel a key; its settings stay.
PUT_CHANNEL_KEY = """
INSERT INTO channel (team, channel, sealed_key, sealed_session, key_id, hint, set_by, set_at, updated_at)
VALUES (:team, :channel, :sealed_key, :sealed_session, :key_id, :hint, :set_by, :set_at, {now})
ON CONFLICT (team, channel) DO UPDATE SET
    sealed_key = excluded.sealed_key, sealed_session = excluded.sealed_session, key_id = excluded.key_id,
    hint = excluded.hint, set_by = excluded.set_by, set_at = excluded.set_at, updated_at = excluded.updated_at,
    left_at = NULL
"""

# Take a channel's key away; its settings stay.
REMOVE_CHANNEL_KEY = """
UPDATE channel SET sealed_key = NULL, sealed_session = NULL, key_id = NULL, hint = NULL, set_by = NULL,
                   set_at = NULL, updated_at = {now}
WHERE team = :team AND channel = :channel AND sealed_key IS NOT NULL
RETURNING team
"""

# Read a channel's settings.
SETTINGS = "SELECT settings FROM channel WHERE team = :team AND channel = :channel"

# Change a channel's settings, unless they are not as they were read; its key stays.
REPLACE_SETTINGS = """
INSERT INTO channel (team, channel, settings, updated_at) VALUES (:team, :channel, :settings, {now})
ON CONFLICT (team, channel) DO UPDATE SET settings = excluded.settings, updated_at = excluded.updated_at
WHERE channel.settings = :before
RETURNING team
"""

# Count what a channel's breaker counted.
ADMITTED = """
SELECT count(*) AS admitted FROM event
WHERE event = 'admitted' AND team = :team AND channel = :channel AND at > :since
"""
