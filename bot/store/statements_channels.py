"""The SQL statements for channels' keys and settings, and for channels that move or go away."""

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

# --- Channels that move or go away ---

# Read a channel's whole row, and keep others from changing it meanwhile.
CHANNEL = """
SELECT sealed_key, sealed_session, key_id, hint, set_by, set_at, settings FROM channel
WHERE team = :team AND channel = :channel {lock}
"""

# Forget a channel's row.
FORGET_CHANNEL = "DELETE FROM channel WHERE team = :team AND channel = :channel"

# Give a channel a row; what is there already stays.
ADD_CHANNEL = """
INSERT INTO channel (team, channel, sealed_key, sealed_session, key_id, hint, set_by, set_at, settings, updated_at)
VALUES (:team, :channel, :sealed_key, :sealed_session, :key_id, :hint, :set_by, :set_at, :settings, {now})
ON CONFLICT DO NOTHING
"""

# List the open terminations of a channel, and keep others from deciding them meanwhile.
OPEN_TO_MOVE = """
SELECT id, payload FROM job WHERE team = :team AND channel = :channel AND state = 'open' {lock}
"""

# Give an open termination to the channel's new id. Whoever holds it is fenced out, and it is taken up anew.
MOVE_JOB = """
UPDATE job SET payload = :payload, twin = :twin, channel = :channel, due_at = {now}, owner = NULL,
               fence = fence + 1, updated_at = {now}
WHERE id = :id
"""

# Delete the keys of a workspace, or of every workspace within an organisation; the settings stay.
FORGET_KEYS = """
UPDATE channel SET sealed_key = NULL, sealed_session = NULL, key_id = NULL, hint = NULL, set_by = NULL,
                   set_at = NULL, updated_at = {now}
WHERE (team = :team OR team LIKE :within) AND sealed_key IS NOT NULL
RETURNING channel
"""
FORGET_SESSIONS = "DELETE FROM session WHERE team = :team OR team LIKE :within RETURNING channel"
FORGET_LINKS = "DELETE FROM key_link WHERE team = :team OR team LIKE :within RETURNING channel"

# Take note of when the workspace was left, so that retention deletes what remains of its channels.
LEAVE_CHANNELS = """
UPDATE channel SET left_at = {now} WHERE (team = :team OR team LIKE :within) AND left_at IS NULL
"""
