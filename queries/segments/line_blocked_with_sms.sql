-- LINE blocked, SMS open
-- ja LINEブロック中・SMS配信可
--
-- Customers who blocked us on LINE and may still be written to by SMS: for important notices alone.
-- ja LINEをブロックしていて、SMSなら届く会員です。重要なお知らせだけに使ってください。
--
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column blocked_at   instant ja:"ブロック日時"  en:"Blocked at"
SELECT block.customer_id, block.blocked_at
FROM (SELECT customer_id, max(occurred_at) AS blocked_at FROM suppressions WHERE channel = 'line' GROUP BY customer_id) AS block
JOIN (SELECT customer_id FROM contactable WHERE channel = 'sms' AND contactable) AS phone ON phone.customer_id = block.customer_id
ORDER BY block.customer_id
