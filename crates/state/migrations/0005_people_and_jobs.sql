CREATE TABLE accounts (
    name       TEXT PRIMARY KEY,
    role       TEXT    NOT NULL,
    hash       TEXT    NOT NULL, -- argon2id, PHC string
    created_at INTEGER NOT NULL
) WITHOUT ROWID;

-- The id itself is with the browser only.
CREATE TABLE sessions (
    id_hash    BLOB PRIMARY KEY,
    account    TEXT    NOT NULL REFERENCES accounts (name) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_by_account ON sessions (account);

-- The fence outlives the holder: it only rises.
CREATE TABLE leases (
    name       TEXT PRIMARY KEY,
    owner      TEXT    NOT NULL,
    fence      INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE cursors (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
