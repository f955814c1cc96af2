-- Where a letter came from and what it was refused for, so that a person can look at one kind of trouble at a time, mend its cause and
-- let the letters in by the same door. `replayed_at` is set when that went well.
ALTER TABLE dead_letters ADD COLUMN source TEXT NOT NULL DEFAULT '';
ALTER TABLE dead_letters ADD COLUMN code TEXT NOT NULL DEFAULT 'unreadable';
ALTER TABLE dead_letters ADD COLUMN remedy TEXT NOT NULL DEFAULT '';
ALTER TABLE dead_letters ADD COLUMN replayed_at INTEGER;
CREATE INDEX dead_letters_by_source ON dead_letters (source, code);
