-- Exposed to a scenario
--
-- Who met a scenario, once per customer: at the first message that the plan wanted to send them, or for the held out the
-- first that it would have wanted to, at that time. What became of a message does not matter, because nobody knows what
-- would have become of the held out's. People who were merged after they had met it both as held out and as treated are
-- left out. The window ends `within_seconds` later.
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
    SELECT
        customer_id, min(due_at) AS exposed_at, min(CASE WHEN state = 'ghost' THEN due_at END) AS ghost_at,
        count(*) AS sends, sum(CASE WHEN state = 'ghost' THEN 1 ELSE 0 END) AS ghosts
    FROM sends
    WHERE scenario = $scenario AND due_at <= $as_of
    GROUP BY customer_id
) AS first
WHERE NOT EXISTS (
    SELECT 1
    FROM people
    WHERE people.customer_id = first.customer_id AND first.ghosts > 0 AND first.ghosts < first.sends)
ORDER BY customer_id
