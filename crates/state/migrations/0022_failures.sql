-- A tick asks for the sends that failed lately.
CREATE INDEX sends_by_failure ON sends (changed_at) WHERE state IN ('failed', 'parked');
