-- Accepted since
--
-- Sends that a provider took at `from_at` or later.
--
-- param from_at instant
-- column send_id     text    ja:"配信ID"   en:"Send"
-- column customer_id text    ja:"会員ID"   en:"Customer"
-- column scenario    text    ja:"シナリオ" en:"Scenario"
-- column step        text    ja:"ステップ" en:"Step"
-- column arm         text    ja:"群"       en:"Arm"
-- column channel     text    ja:"チャネル" en:"Channel"
-- column accepted_at instant ja:"受付日時" en:"Accepted at"
SELECT send_id, customer_id, scenario, step, arm, channel, occurred_at AS accepted_at
FROM sends_history
WHERE state = 'accepted' AND occurred_at >= $from_at
ORDER BY occurred_at, send_id
