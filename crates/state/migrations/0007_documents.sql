-- What is known of a thing of a source, put together from its deliveries: read, joined and written in the transaction that journals what
-- came of it. Sealed under the master key: it names people.
CREATE TABLE documents (
    source     TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    changed_at INTEGER NOT NULL, -- µs
    sealed     BLOB    NOT NULL,
    PRIMARY KEY (source, kind, id)
) WITHOUT ROWID;
