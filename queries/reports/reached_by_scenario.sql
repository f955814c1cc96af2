-- Reached by a scenario
--
-- Everybody whom a message of the scenario or broadcast reached, or may have: the provider accepted it, or its answer is unknown. After a stop
-- (全停止) these are the ones who have it already.
--
-- param scenario text
-- column customer_id  text     ja:"会員ID"  en:"Customer"
-- column channel      text     ja:"チャネル"  en:"Channel"
-- column state        text     ja:"状態"  en:"State"
-- column reached_at   instant  ja:"配信日時"  en:"Sent at"
SELECT customer_id, channel, state, coalesce(accepted_at, handed_at) AS reached_at
FROM sends
WHERE scenario = $scenario AND state IN ('accepted', 'handed', 'ambiguous', 'parked')
ORDER BY reached_at, customer_id, channel
