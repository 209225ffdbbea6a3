"""The SQL statements for one-time links and personal sessions."""

LINKS_AND_SESSIONS = (
    # A one-time link. The secret itself is nowhere: whoever reads this table opens nothing with it.
    """
    CREATE TABLE key_link (
        hash TEXT PRIMARY KEY NOT NULL,
        kind TEXT NOT NULL,
        team TEXT NOT NULL,
        channel TEXT NOT NULL,
        "user" TEXT NOT NULL,
        sealed TEXT,
        reference TEXT,
        expires_at BIGINT NOT NULL,
        tries INTEGER NOT NULL DEFAULT 0
    )
    """,
    # A person's session with a channel's application key; told_at: when its end was announced.
    """
    CREATE TABLE session (
        team TEXT NOT NULL,
        channel TEXT NOT NULL,
        "user" TEXT NOT NULL,
        sealed_session TEXT NOT NULL,
        name TEXT NOT NULL,
        expires_at BIGINT NOT NULL,
        connected_at BIGINT NOT NULL,
        told_at BIGINT,
        PRIMARY KEY (team, channel, "user")
    )
    """,
    # When Slack told that Haltbot was uninstalled there; a key that is set again takes it back.
    "ALTER TABLE channel ADD COLUMN left_at BIGINT",
)

# --- One-time links ---

# End what has expired, and what the new link takes the place of.
END_LINKS = """
DELETE FROM key_link WHERE expires_at <= {now}
    OR (kind = :kind AND team = :team AND channel = :channel AND "user" = :user)
"""

# Keep a link.
PUT_LINK = """
INSERT INTO key_link (hash, kind, team, channel, "user", sealed, reference, expires_at)
VALUES (:hash, :kind, :team, :channel, :user, :sealed, :reference, {now} + :delay)
"""

# Read a link that has not ended.
LINK = """
SELECT hash, kind, team, channel, "user", sealed, reference, expires_at FROM key_link
WHERE hash = :hash AND expires_at > {now}
"""

# Count a try.
TRY_LINK = """
UPDATE key_link SET tries = tries + 1 WHERE hash = :hash AND expires_at > {now} AND tries < :most
RETURNING tries
"""

# End a link: one of all who try gets the row.
USE_LINK = "DELETE FROM key_link WHERE hash = :hash AND expires_at > {now} RETURNING hash"

# --- Sessions ---

_SESSION = 'team, channel, "user", sealed_session, name, expires_at, connected_at'

# Keep a person's session in place of any former one.
PUT_SESSION = """
INSERT INTO session (team, channel, "user", sealed_session, name, expires_at, connected_at)
VALUES (:team, :channel, :user, :sealed_session, :name, :expires_at, :connected_at)
ON CONFLICT (team, channel, "user") DO UPDATE SET
    sealed_session = excluded.sealed_session, name = excluded.name, expires_at = excluded.expires_at,
    connected_at = excluded.connected_at, told_at = NULL
"""

# Read a person's session.
SESSION = f"""
SELECT {_SESSION} FROM session WHERE team = :team AND channel = :channel AND "user" = :user
"""  # noqa: S608 (made of constants)

# List every session.
SESSIONS = f'SELECT {_SESSION} FROM session ORDER BY team, channel, "user"'  # noqa: S608 (made of constants)

# List the sessions of a channel, and keep others from changing them meanwhile.
SESSIONS_IN = f"""
SELECT {_SESSION} FROM session WHERE team = :team AND channel = :channel {{lock}}
"""  # noqa: S608 (made of constants)

# Take note that the end of these is announced: of all replicas one gets each row.
ENDING = f"""
UPDATE session SET told_at = {{now}}
WHERE told_at IS NULL AND expires_at > {{now}} AND expires_at <= {{now}} + :within RETURNING {_SESSION}
"""  # noqa: S608 (made of constants)

# Forget the sessions of a channel.
FORGET_SESSIONS_IN = "DELETE FROM session WHERE team = :team AND channel = :channel"
