"""The tables, as migrations, written once for both databases."""

from bot.store.statements_access import LINKS_AND_SESSIONS

# --- The schema, as migrations: name → statements. A published one is never changed; a new one is added. ---

MIGRATIONS: dict[str, tuple[str, ...]] = {
    "0001_jobs_events_buckets_channels": (
        # One termination. due_at is when to start, when the lease ends and when the timer fires, in one.
        # prev_due_at is the due_at before the last claim: it orders what was claimed, and tells the delay.
        """
        CREATE TABLE job (
            id TEXT PRIMARY KEY NOT NULL,
            idem TEXT NOT NULL UNIQUE,
            twin TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('open', 'done')),
            phase TEXT NOT NULL,
            payload TEXT NOT NULL,
            team TEXT NOT NULL,
            channel TEXT NOT NULL,
            workflow_id TEXT NOT NULL,
            due_at BIGINT NOT NULL,
            prev_due_at BIGINT,
            owner TEXT,
            prev_owner TEXT,
            fence BIGINT NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0,
            created_at BIGINT NOT NULL,
            updated_at BIGINT NOT NULL
        ) {fill}
        """,
        "CREATE INDEX job_due ON job (due_at) WHERE state = 'open'",
        "CREATE UNIQUE INDEX job_twin ON job (twin) WHERE state = 'open'",
        "CREATE INDEX job_twin_done ON job (twin, updated_at) WHERE state = 'done'",
        "CREATE INDEX job_channel ON job (team, channel) WHERE state = 'open'",
        # The audit.
        """
        CREATE TABLE event (
            seq {serial},
            at BIGINT NOT NULL,
            event TEXT NOT NULL,
            reference TEXT,
            team TEXT NOT NULL,
            channel TEXT NOT NULL,
            "user" TEXT NOT NULL,
            workflow_id TEXT,
            force INTEGER NOT NULL,
            reason TEXT NOT NULL,
            outcome TEXT,
            detail TEXT NOT NULL
        )
        """,
        "CREATE INDEX event_reference ON event (reference, seq)",
        "CREATE INDEX event_at ON event (at)",
        # How far back the audit must be kept: see the triggers.
        "CREATE TABLE retention (keep_from BIGINT NOT NULL)",
        "INSERT INTO retention (keep_from) VALUES (0)",
        # The pace of each key: when its next call would be on time, and until when it must not be used.
        """
        CREATE TABLE bucket (
            key_id TEXT PRIMARY KEY NOT NULL,
            tat BIGINT NOT NULL,
            blocked_until BIGINT NOT NULL
        ) {fill}
        """,
        # A channel's key, and its settings, which outlive the key.
        """
        CREATE TABLE channel (
            team TEXT NOT NULL,
            channel TEXT NOT NULL,
            sealed_key TEXT,
            sealed_session TEXT,
            key_id TEXT,
            hint TEXT,
            set_by TEXT,
            set_at BIGINT,
            settings TEXT NOT NULL DEFAULT '{{}}',
            updated_at BIGINT NOT NULL,
            PRIMARY KEY (team, channel)
        )
        """,
    ),
    "0003_links_and_sessions": LINKS_AND_SESSIONS,
    "0004_admitted": (
        # What a channel's breaker counts.
        "CREATE INDEX event_admitted ON event (team, channel, at) WHERE event = 'admitted'",
    ),
}

# The audit cannot be changed, and only what retention has let go of can be deleted: whoever shortens it sets
# retention.keep_from first, in the same transaction, and so cannot delete by mistake.
APPEND_ONLY_SQLITE = (
    """
    CREATE TRIGGER event_unchanged BEFORE UPDATE ON event
    BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END
    """,
    """
    CREATE TRIGGER event_kept BEFORE DELETE ON event
    WHEN OLD.at >= (SELECT keep_from FROM retention)
    BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END
    """,
)
APPEND_ONLY_POSTGRES = (
    """
    CREATE FUNCTION event_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' AND OLD.at < (SELECT keep_from FROM retention) THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'the audit is append-only';
    END $$
    """,
    """
    CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE ON event
    FOR EACH ROW EXECUTE FUNCTION event_append_only()
    """,
)
