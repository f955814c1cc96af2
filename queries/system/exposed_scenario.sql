-- Exposed to a scenario
--
-- Who met a scenario, once per customer: at the first message that the plan wanted to send them, or for the held out the
-- first that it would have wanted to, at that time. What became of a message does not matter, because nobody knows what
-- would have become of the held out's. The window ends `within_seconds` later.
--
-- param scenario       text
-- param within_seconds int
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column arm          text    ja:"グループ"  en:"Arm"
-- column exposed_at   instant ja:"接触日時"  en:"Exposed at"
-- column until        instant ja:"計測終了"  en:"Until"
-- column mature       bool    ja:"観測済み"  en:"Window over"
SELECT
    customer_id,
    CASE WHEN ghost_at = exposed_at THEN 'holdout' ELSE 'treated' END AS arm,
    exposed_at,
    add_seconds(exposed_at, $within_seconds) AS until,
    add_seconds(exposed_at, $within_seconds) <= $as_of AS mature
FROM (
    SELECT customer_id, min(due_at) AS exposed_at, min(CASE WHEN state = 'ghost' THEN due_at END) AS ghost_at
    FROM sends
    WHERE scenario = $scenario AND due_at <= $as_of
    GROUP BY customer_id
) AS first
ORDER BY customer_id
