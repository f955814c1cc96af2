-- A text sealed under the master key: opening the vault with another key is noticed at once.
CREATE TABLE vault_check (
    only   INTEGER PRIMARY KEY CHECK (only = 1),
    sealed BLOB NOT NULL
);

-- One key per person, sealed under the master key. Deleting it erases the person's addresses, in backups of `contacts` too.
CREATE TABLE person_keys (
    customer_id TEXT PRIMARY KEY,
    sealed      BLOB NOT NULL
) WITHOUT ROWID;

-- `sealed` is nonce and ciphertext of the address under the person's key.
CREATE TABLE contacts (
    customer_id  TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    address_hash TEXT    NOT NULL,
    active       INTEGER NOT NULL,
    changed_at   INTEGER NOT NULL,
    sealed       BLOB    NOT NULL,
    PRIMARY KEY (customer_id, kind)
) WITHOUT ROWID;

-- Lines that could not be read, as they came, sealed under the master key.
CREATE TABLE dead_letters (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    file       TEXT    NOT NULL,
    line       INTEGER NOT NULL,
    column_no  INTEGER NOT NULL,
    reason     TEXT    NOT NULL,
    arrived_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    sealed     BLOB    NOT NULL,
    UNIQUE (file, line, column_no, reason)
);
CREATE INDEX dead_letters_by_expiry ON dead_letters (expires_at);
