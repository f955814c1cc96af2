-- Accepted facts, until the lake has them: one row per segment of one table.
CREATE TABLE journal (
    first_position INTEGER PRIMARY KEY,
    table_name     TEXT    NOT NULL,
    rows           INTEGER NOT NULL,
    ingested_at    INTEGER NOT NULL, -- µs; never before an earlier segment's
    payload        BLOB    NOT NULL  -- NDJSON, one object per fact, in order of position
);

-- One row. Outlives trimmed segments: a position is never given twice.
CREATE TABLE journal_end (
    only             INTEGER PRIMARY KEY CHECK (only = 1),
    last_position    INTEGER NOT NULL,
    last_ingested_at INTEGER NOT NULL
);
INSERT INTO journal_end VALUES (1, 0, 0);

-- Every fact ever stored: a second one with the same key is dropped.
CREATE TABLE fact_keys (key BLOB PRIMARY KEY) WITHOUT ROWID;

-- Chunks of imported files that are in the journal.
CREATE TABLE import_batches (
    batch_key   TEXT PRIMARY KEY,
    ingested_at INTEGER NOT NULL
) WITHOUT ROWID;
