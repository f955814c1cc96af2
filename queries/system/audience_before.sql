-- The audience before
--
-- Who was in a segment at its last evaluation up to `$as_of`.
--
-- param segment text
-- column customer_id text ja:"会員ID" en:"Customer"
SELECT customer_id
FROM audiences_history
WHERE segment = $segment
  AND run_id IN (
    SELECT run_id
    FROM runs_history
    WHERE kind = 'export' AND name = $segment
      AND logical_at = (SELECT max(logical_at) FROM runs_history WHERE kind = 'export' AND name = $segment))
ORDER BY customer_id
