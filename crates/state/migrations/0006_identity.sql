-- What was said of two customers (`a` the smaller id) being one person: by a rule, and by a person, whose last word stands above it.
-- Who survives follows from all of this together, so the order in which it came does not matter.
CREATE TABLE ties (
    a          TEXT    NOT NULL,
    b          TEXT    NOT NULL,
    by_person  INTEGER NOT NULL,
    linked     INTEGER NOT NULL,
    rule       TEXT    NOT NULL,
    source     TEXT    NOT NULL,
    evidence   TEXT,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (a, b, by_person)
) WITHOUT ROWID;
CREATE INDEX ties_by_b ON ties (b);

-- Since when the shop has known a customer, as it was known when they were first tied to another: the older one survives.
CREATE TABLE first_seen (
    customer_id TEXT    PRIMARY KEY,
    at          INTEGER NOT NULL
) WITHOUT ROWID;

-- What follows from the ties: whose survivor is whom. Undone merges stay, with `linked` 0.
CREATE TABLE merged (
    customer_id TEXT    PRIMARY KEY,
    survivor_id TEXT    NOT NULL,
    linked      INTEGER NOT NULL,
    rule        TEXT    NOT NULL,
    source      TEXT    NOT NULL,
    evidence    TEXT,
    changed_at  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX merged_by_survivor ON merged (survivor_id);

CREATE TABLE visitors (
    visitor_id  TEXT    PRIMARY KEY,
    customer_id TEXT    NOT NULL,
    trusted     INTEGER NOT NULL,
    changed_at  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX visitors_by_customer ON visitors (customer_id);

-- Pairs that no rule may merge and a person may.
CREATE TABLE proposals (
    a           TEXT    NOT NULL,
    b           TEXT    NOT NULL,
    rule        TEXT    NOT NULL,
    proposed_at INTEGER NOT NULL,
    PRIMARY KEY (a, b, rule)
) WITHOUT ROWID;

-- Addresses that must not be written to, whoever has them. The address itself is not here.
CREATE TABLE suppressed_addresses (
    kind         TEXT    NOT NULL,
    address_hash TEXT    NOT NULL,
    channel      TEXT    NOT NULL,
    reason       TEXT    NOT NULL,
    active       INTEGER NOT NULL,
    source       TEXT    NOT NULL,
    changed_at   INTEGER NOT NULL,
    PRIMARY KEY (kind, address_hash, channel, reason)
) WITHOUT ROWID;

-- How each person is bucketed, kept from the first use.
CREATE TABLE units (
    customer_id TEXT    PRIMARY KEY,
    unit        TEXT    NOT NULL,
    since       INTEGER NOT NULL
) WITHOUT ROWID;

-- 0 for a mall's relay address.
ALTER TABLE contacts ADD COLUMN contactable INTEGER NOT NULL DEFAULT 1;
CREATE INDEX contacts_by_address ON contacts (kind, address_hash);
