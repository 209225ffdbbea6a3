"""Every SQL statement about terminations and their pace, once; a dialect fills in what differs."""

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

# Let what was about to be called or asked be looked up first: after a backup was brought back, it may have been called since.
DISTRUST = """
UPDATE job SET payload = {merged} WHERE phase IN ('awaiting_confirmation', 'requested', 'offered') RETURNING id
"""
DOUBT = '{"must_look": true, "unsure": true, "recovered": true}'

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

# Read the clock.
NOW = "SELECT {now} AS now"
