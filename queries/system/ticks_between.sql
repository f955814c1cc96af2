-- Ticks
--
-- When this shop planned its scenarios: the logical ends of the windows that ended after `from_at`, up to and including `to_at`.
--
-- param from_at instant
-- param to_at   instant
-- column logical_at  instant ja:"論理時刻"  en:"Logical time"
SELECT DISTINCT logical_at
FROM runs_history
WHERE kind = 'tick' AND logical_at > $from_at AND logical_at <= $to_at
ORDER BY logical_at
