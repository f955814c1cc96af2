-- The permission that holds now; every change, with its evidence, is a fact in the lake.
CREATE TABLE consents (
    customer_id TEXT    NOT NULL,
    channel     TEXT    NOT NULL,
    purpose     TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    changed_at  INTEGER NOT NULL,
    PRIMARY KEY (customer_id, channel, purpose)
) WITHOUT ROWID;

-- By reason too: a LINE user who unblocks has not taken back a complaint.
CREATE TABLE suppressions (
    customer_id TEXT    NOT NULL,
    channel     TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    active      INTEGER NOT NULL,
    changed_at  INTEGER NOT NULL,
    PRIMARY KEY (customer_id, channel, reason)
) WITHOUT ROWID;
