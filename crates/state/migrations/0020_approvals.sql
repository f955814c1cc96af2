-- Who did what to a scenario or broadcast, in this order: edited, asked for approval, approved, withdrew, switched on or off, paused, resumed. It outlives the accounts.
CREATE TABLE scenario_acts (
    id          INTEGER PRIMARY KEY,
    name        TEXT    NOT NULL, -- the scenario; empty for all of them
    act         TEXT    NOT NULL, -- edited, asked, approved, withdrawn, switched_on, switched_off, paused, resumed
    account     TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    fingerprint TEXT    NOT NULL, -- of all that was asked about or approved; else empty
    parts       TEXT    NOT NULL, -- JSON: the hash of each of its files
    recipients  INTEGER           -- how many it was asked for
);
CREATE INDEX scenario_acts_of ON scenario_acts (name, id);

-- What the shop's files said when `tsubame apply` was last done.
CREATE TABLE applied (
    file       TEXT    PRIMARY KEY,
    text       TEXT    NOT NULL,
    applied_at INTEGER NOT NULL
) WITHOUT ROWID;
