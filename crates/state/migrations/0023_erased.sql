-- Who was erased, and as of when: an address told as of then or before is not taken again, in whatever order things come.
CREATE TABLE erased (
    customer_id TEXT    PRIMARY KEY,
    erased_at   INTEGER NOT NULL
) WITHOUT ROWID;
