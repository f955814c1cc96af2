-- Stops of one customer
--
-- Why messages to the customer were not made, in the order in which that was decided. An empty channel is the whole step.
--
-- param customer text
-- column entry_id     text    ja:"エントリーID"  en:"Entry"
-- column step         text    ja:"ステップ"  en:"Step"
-- column channel      text    ja:"チャネル"  en:"Channel"
-- column reason       text    ja:"理由"  en:"Reason"
-- column detail       text    ja:"詳細"  en:"Detail"
-- column occurred_at  instant ja:"発生日時"  en:"Occurred at"
SELECT entry_id, step, channel, reason, detail, occurred_at
FROM stops
WHERE customer_id = $customer
ORDER BY occurred_at, entry_id, step, channel
