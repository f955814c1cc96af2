-- Calls that a provider recognises by our key, as they left: a repetition must be the same bytes. A row goes when the outcome of its call is
-- known or a person decides, and with the erasure of any of its members.
CREATE TABLE calls (
    call_id TEXT PRIMARY KEY,           -- the send id of its first member
    made_at INTEGER NOT NULL,           -- before its first byte left: from here the provider's memory is counted
    sealed  BLOB    NOT NULL
) WITHOUT ROWID;

CREATE TABLE call_members (
    send_id TEXT PRIMARY KEY,
    call_id TEXT    NOT NULL REFERENCES calls (call_id) ON DELETE CASCADE,
    place   INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX call_members_by_call ON call_members (call_id);
