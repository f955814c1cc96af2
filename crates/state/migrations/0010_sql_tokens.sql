-- What a Postgres client's proof is checked against (SCRAM-SHA-256, RFC 5802). The token itself is printed once and kept nowhere.
CREATE TABLE sql_tokens (
    account    TEXT PRIMARY KEY REFERENCES accounts (name) ON DELETE CASCADE,
    salt       BLOB    NOT NULL,
    iterations INTEGER NOT NULL,
    stored_key BLOB    NOT NULL,
    server_key BLOB    NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;
