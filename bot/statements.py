"""Every SQL statement of Haltbot, once; a dialect fills in the little that databases do differently.

Times are integer milliseconds since 1970 by the database's clock, rounded down; whoever adds a duration to
``{now}`` therefore adds one millisecond more, so that nothing is ever taken up early.
"""

import re
from dataclasses import dataclass
from functools import cache

from bot.statements_access import LINKS_AND_SESSIONS


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialect:
    """What a database does in its own way."""

    now: str
    """The clock, the same for the whole statement, so that it may be compared with an index."""
    max: str
    """The function for the larger of two values."""
    lock: str
    """Makes a read keep others from changing the row until the transaction ends."""
    skip: str
    """The same, and passes over rows that another one holds."""
    serial: str
    """The type of a number that grows with each row."""
    fill: str
    """Leaves room in each page, so that a changed row stays in it."""
    parameter: str
    """How ``:name`` is written, as a pattern for ``re.sub``."""


SQLITE = Dialect(
    now="CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)",
    max="max",
    lock="",
    skip="",
    serial="INTEGER PRIMARY KEY AUTOINCREMENT",
    fill="",
    parameter=r":\1",
)

POSTGRES = Dialect(
    now="CAST(floor(extract(epoch FROM statement_timestamp()) * 1000) AS BIGINT)",
    max="greatest",
    lock="FOR UPDATE",
    skip="FOR UPDATE SKIP LOCKED",
    serial="BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    fill="WITH (fillfactor = 70)",
    parameter=r"%(\1)s",
)


@cache
def render(statement: str, dialect: Dialect) -> str:
    """Write a statement as the database takes it."""
    filled = statement.format(
        now=dialect.now,
        max=dialect.max,
        lock=dialect.lock,
        skip=dialect.skip,
        serial=dialect.serial,
        fill=dialect.fill,
    )
    return re.sub(r":(\w+)", dialect.parameter, filled)


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

# --- Terminations ---

# Read the clock, the settings of the channel if it has a key, and what may make a new termination a duplicate:
# the same request, an open twin, the twin that ended last.
KNOWN = """
SELECT 0 AS rank, {now} AS now, NULL AS phase, (
    SELECT settings FROM channel WHERE team = :team AND channel = :channel AND sealed_key IS NOT NULL
) AS payload
UNION ALL SELECT 1, 0, phase, payload FROM job WHERE idem = :idem
UNION ALL SELECT 2, 0, phase, payload FROM job WHERE twin = :twin AND state = 'open'
UNION ALL SELECT 3, 0, phase, payload FROM (
    SELECT phase, payload FROM job WHERE twin = :twin AND state = 'done' ORDER BY updated_at DESC LIMIT 1
) AS ended
ORDER BY rank
"""

# Record a termination, unless its request or an open twin got there in between.
SUBMIT = """
INSERT INTO job (id, idem, twin, state, phase, payload, team, channel, workflow_id,
                 due_at, owner, fence, attempts, created_at, updated_at)
VALUES (:id, :idem, :twin, 'open', :phase, :payload, :team, :channel, :workflow_id,
        {now} + :delay, :owner, :fence, 0, {now}, {now})
ON CONFLICT DO NOTHING
RETURNING id
"""

# Take what is due. This is also how another owner's work is taken over: its lease was the due time.
CLAIM = """
WITH due AS MATERIALIZED (
    SELECT id FROM job WHERE state = 'open' AND due_at <= {now} ORDER BY due_at LIMIT :limit {skip}
)
UPDATE job SET due_at = {now} + :delay, prev_due_at = due_at, owner = :owner, prev_owner = owner,
               fence = fence + 1, updated_at = {now}
WHERE id IN (SELECT id FROM due)
RETURNING phase, payload, fence, attempts, owner, prev_owner, prev_due_at
"""

# Make a transition, if nobody took over in between.
ADVANCE = """
UPDATE job SET state = :state, phase = :phase, payload = :payload, twin = :twin, due_at = {now} + :delay,
               owner = :owner, fence = fence + :fence_step, attempts = COALESCE(:attempts, attempts),
               updated_at = {now}
WHERE id = :id AND fence = :fence AND state = 'open'
RETURNING fence, attempts
"""

# See whether a job is still ours, and keep it so for this transaction.
HELD = "SELECT 1 AS held FROM job WHERE id = :id AND fence = :fence AND state = 'open' {lock}"

# Read the termination that a click is about, and keep others from deciding it meanwhile.
PRESSED = "SELECT phase, payload, fence, {now} AS now FROM job WHERE id = :id {lock}"

# Give back what has not begun its call, so that another process takes it up at once. Who held it stays written:
# what was begun after the last recorded step may have happened.
RELEASE = """
UPDATE job SET due_at = {now}, updated_at = {now}
WHERE owner = :owner AND state = 'open' AND phase <> 'calling'
"""

# Take over at once what the former process on this file held: the file's lock says that it is gone.
ADOPT = "UPDATE job SET due_at = {now} WHERE state = 'open' AND owner IS NOT NULL"

# Read one termination.
FIND = "SELECT phase, payload, fence, attempts, owner FROM job WHERE id = :id"

# List what is under way in a channel, oldest first.
OPEN_IN = """
SELECT phase, payload, fence, attempts, owner FROM job
WHERE team = :team AND channel = :channel AND state = 'open' ORDER BY created_at, id
"""

# List what is under way in a team, and what the audit told about lately, newest first.
RECENT = """
SELECT phase, payload, fence, attempts, owner FROM job
WHERE team = :team AND id IN (
    SELECT id FROM job WHERE state = 'open' AND team = :team
    UNION SELECT reference FROM event WHERE at > {now} - :within AND reference IS NOT NULL
)
ORDER BY created_at DESC, id LIMIT :limit
"""

# Tell how much there is to do, and how late it is.
BACKLOG = """
SELECT phase, count(*) AS open, max(CASE WHEN due_at < {now} THEN {now} - due_at ELSE 0 END) AS late
FROM job WHERE state = 'open' GROUP BY phase
"""

# --- Pace ---

# Take a place for a call, if the key is neither ahead of its pace nor blocked.
TAKE = """
INSERT INTO bucket (key_id, tat, blocked_until) VALUES (:key_id, {now} + :interval, 0)
ON CONFLICT (key_id) DO UPDATE SET tat = {max}(bucket.tat, {now}) + :interval
WHERE bucket.tat <= {now} + :tolerance AND bucket.blocked_until <= {now}
RETURNING tat
"""

# Tell how long it takes until the key may be used.
WAIT = """
SELECT {max}(tat - :tolerance, blocked_until) - {now} AS wait FROM bucket WHERE key_id = :key_id
"""

# Hold back every call with a key; a longer block stands.
BLOCK = """
INSERT INTO bucket (key_id, tat, blocked_until) VALUES (:key_id, 0, {now} + :delay)
ON CONFLICT (key_id) DO UPDATE SET blocked_until = {max}(bucket.blocked_until, excluded.blocked_until)
"""

# --- Audit ---

# Add a line to the audit.
RECORD = """
INSERT INTO event (at, event, reference, team, channel, "user", workflow_id, force, reason, outcome, detail)
VALUES ({now}, :event, :reference, :team, :channel, :user, :workflow_id, :force, :reason, :outcome, :detail)
"""

# Make a CHANGE and add its lines to the audit, if it returned a row. SQLite, where a statement costs no question
# over a network, does one after the other.
WITH_LINES = """
WITH changed AS (CHANGE), recorded AS (
    INSERT INTO event (at, event, reference, team, channel, "user", workflow_id, force, reason, outcome, detail)
    SELECT {now}, line.event, line.reference, line.team, line.channel, line."user", line.workflow_id,
           line.force, line.reason, line.outcome, line.detail
    FROM changed, ROWS FROM (json_to_recordset(:lines) AS (
        event TEXT, reference TEXT, team TEXT, channel TEXT, "user" TEXT, workflow_id TEXT,
        force INTEGER, reason TEXT, outcome TEXT, detail TEXT
    )) WITH ORDINALITY AS line
    ORDER BY line.ordinality
)
SELECT * FROM changed
"""

# Read the next lines of the audit.
EVENTS = "SELECT * FROM event WHERE seq > :after ORDER BY seq LIMIT :limit"

# Read the next lines of the audit about one termination.
EVENTS_ABOUT = "SELECT * FROM event WHERE reference = :reference AND seq > :after ORDER BY seq LIMIT :limit"

# --- Channels ---

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

# Change a channel's settings; its key stays.
PUT_SETTINGS = """
INSERT INTO channel (team, channel, settings, updated_at) VALUES (:team, :channel, :settings, {now})
ON CONFLICT (team, channel) DO UPDATE SET settings = excluded.settings, updated_at = excluded.updated_at
"""

# The same, unless they are not as they were read.
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

# Read the clock.
NOW = "SELECT {now} AS now"
