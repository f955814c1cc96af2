-- Who may see personal columns in SQL, until when and why. No row: masked.
CREATE TABLE personal_grants (
    account    TEXT PRIMARY KEY REFERENCES accounts (name) ON DELETE CASCADE,
    until      INTEGER NOT NULL,
    reason     TEXT    NOT NULL,
    granted_at INTEGER NOT NULL
) WITHOUT ROWID;

-- What was granted, withdrawn and read, in this order; it outlives the accounts.
CREATE TABLE personal_log (
    id      INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    account TEXT    NOT NULL,
    act     TEXT    NOT NULL, -- granted, withdrawn, read
    detail  TEXT    NOT NULL  -- until when and why; or the columns
);
