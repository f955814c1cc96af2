-- An export's run
--
-- The record of an export by its id, so that a repeat reports its numbers and does not answer a second time.
--
-- param run_id text
-- column logical_at  instant  ja:"論理日時"  en:"Logical time"
-- column members     int      ja:"件数"  en:"Members"
-- column counts      text     ja:"内訳"  en:"Counts"
SELECT logical_at, members, counts
FROM runs_history
WHERE kind = 'export' AND run_id = $run_id
ORDER BY logical_at
LIMIT 1
