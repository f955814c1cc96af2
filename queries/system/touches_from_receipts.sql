-- Touches from receipts
--
-- What receipts make of sends that were made: clicks by a person on every channel, openings by a person on
-- `opened_channels`, and deliveries on `delivered_channels` (names separated by commas). How long each may earn credit is
-- the shop's setting.
--
-- param delivered_channels text = "sms"
-- param opened_channels    text = "app_push,web_push"
-- column receipt_id   text    ja:"受信記録ID"  en:"Receipt"
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column send_id      text    ja:"配信ID"  en:"Send"
-- column scenario     text    ja:"シナリオ"  en:"Scenario"
-- column channel      text    ja:"チャネル"  en:"Channel"
-- column kind         text    ja:"種類"  en:"Kind"
-- column touched_at   instant ja:"接触日時"  en:"Touched at"
-- column sent_at      instant ja:"配信日時"  en:"Sent at"
-- column known_at     instant ja:"判明日時"  en:"Known at"
SELECT
    receipt.receipt_id, send.customer_id, receipt.send_id, send.scenario, send.channel, receipt.kind,
    receipt.occurred_at AS touched_at,
    coalesce(send.accepted_at, send.handed_at, send.due_at) AS sent_at,
    receipt.known_at
FROM receipts_history AS receipt
JOIN sends AS send ON send.send_id = receipt.send_id
WHERE send.state <> 'ghost'
  AND ((receipt.kind = 'clicked' AND receipt.human)
    OR (receipt.kind = 'opened' AND receipt.human
      AND strpos(concat(',', $opened_channels, ','), concat(',', send.channel, ',')) > 0)
    OR (receipt.kind = 'delivered' AND strpos(concat(',', $delivered_channels, ','), concat(',', send.channel, ',')) > 0))
ORDER BY send.customer_id, receipt.occurred_at, receipt.receipt_id
