-- The key of every fact ever stored, in place of `fact_keys`, a tree into which each key was written at a random place. What that table
-- held is moved when the file is next opened, and the table is dropped (`state/src/keys.rs`).

-- Keys since the last run was made, 16 bytes each, one row per transaction.
CREATE TABLE recent_keys (id INTEGER PRIMARY KEY, keys BLOB NOT NULL);

-- Sorted keys that do not change any more. One that is not live is being made, or being removed.
CREATE TABLE key_runs (
    run    INTEGER PRIMARY KEY,
    live   INTEGER NOT NULL,
    keys   INTEGER NOT NULL,
    pages  INTEGER NOT NULL,
    filter BLOB -- of a live run
);

-- A key's page follows from the key. `page` is the run's number times 2^32, plus the number in the run; a page without keys has no row.
CREATE TABLE key_pages (page INTEGER PRIMARY KEY, keys BLOB NOT NULL);
