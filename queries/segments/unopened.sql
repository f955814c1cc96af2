-- Did not open the last message
-- ja 直近のメッセージ未開封
--
-- Customers to whom the last marketing message on `channel` was accepted between `hours_max` and `hours` hours ago, and who have neither opened nor
-- clicked it; to try another channel. A click by a program that checks links is none. Some mail programs report no openings.
-- ja `channel` の直近の配信を、`hours` 時間たっても開封・クリックしていない会員です。リンクを確認するプログラムのクリックは数えません。別チャネルでの再送に使います。
--
-- param channel   text = "email"
-- param hours     int  = 48
-- param hours_max int  = 168
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column send_id      text    ja:"配信ID"  en:"Send"
-- column scenario     text    ja:"シナリオ"  en:"Scenario"
-- column accepted_at  instant ja:"受付日時"  en:"Accepted at"
SELECT last.customer_id, last.send_id, last.scenario, last.accepted_at
FROM (
    SELECT
        customer_id,
        last_value(send_id ORDER BY accepted_at, send_id) AS send_id,
        last_value(scenario ORDER BY accepted_at, send_id) AS scenario,
        max(accepted_at) AS accepted_at
    FROM sends
    WHERE channel = $channel AND purpose = 'marketing' AND state = 'accepted'
    GROUP BY customer_id
) AS last
LEFT JOIN (
    SELECT DISTINCT send_id FROM receipts WHERE kind = 'opened' OR (kind = 'clicked' AND human)
) AS read ON read.send_id = last.send_id
WHERE last.accepted_at <= add_seconds($as_of, 0 - $hours * 3600)
  AND last.accepted_at >= add_seconds($as_of, 0 - $hours_max * 3600)
  AND read.send_id IS NULL
ORDER BY last.customer_id
