-- `run`, `entry`, `send` are the model's nouns as JSON; the other columns are what the ledger's own statements select by or change.
CREATE TABLE runs (
    run_id    TEXT PRIMARY KEY,
    run       TEXT    NOT NULL,
    sealed_at INTEGER          -- µs; NULL while the plan is being written
) WITHOUT ROWID;

-- A plan lies here whole until its run is sealed, then moves into entries, sends and the journal. Nobody sees half a plan.
CREATE TABLE plan_chunks (
    run_id     TEXT    NOT NULL REFERENCES runs (run_id),
    chunk      INTEGER NOT NULL,
    planned_at INTEGER NOT NULL,
    plan       TEXT    NOT NULL,
    PRIMARY KEY (run_id, chunk)
);

CREATE TABLE entries (
    entry_id    TEXT PRIMARY KEY,
    customer_id TEXT    NOT NULL,
    scenario    TEXT    NOT NULL,
    entry_key   TEXT    NOT NULL,
    entered_at  INTEGER NOT NULL,
    status      TEXT    NOT NULL,
    due_at      INTEGER NOT NULL,
    entry       TEXT    NOT NULL
);
CREATE INDEX entries_by_due ON entries (status, due_at);
CREATE INDEX entries_by_customer ON entries (customer_id);
CREATE INDEX entries_by_scenario ON entries (scenario, customer_id);

CREATE TABLE sends (
    send_id     TEXT PRIMARY KEY,
    customer_id TEXT    NOT NULL,
    channel     TEXT    NOT NULL,
    purpose     TEXT    NOT NULL,
    scenario    TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    fence       INTEGER NOT NULL DEFAULT 0, -- raised by every claim; an older one may no longer act
    attempts    INTEGER NOT NULL DEFAULT 0, -- times handed
    execute_at  INTEGER NOT NULL,           -- as planned, then as deferred
    owner       TEXT,
    lease_until INTEGER,
    handed_at   INTEGER,
    body_hash   TEXT,                       -- of the bytes that were handed: a retry must send the same
    changed_at  INTEGER NOT NULL,
    provider_id TEXT,
    detail      TEXT,
    send        TEXT    NOT NULL            -- as planned
);
CREATE INDEX sends_by_state ON sends (state, execute_at);
CREATE INDEX sends_by_customer ON sends (customer_id, execute_at);
