-- LINE blocked, SMS open
-- ja LINEブロック中・SMS配信可
--
-- Customers who blocked us on LINE and whom an important notice reaches by SMS: for such notices (transactional) alone. Many of them did not
-- permit marketing by SMS, or refused it. Left out is who has no phone number, or on SMS bounced, complained or was stopped by hand.
-- ja LINEをブロックしていて、重要なお知らせならSMSで届く会員です。SMSの広告配信に同意していない会員、広告の配信停止を申し出た会員も含むため、重要なお知らせ（取引に関する連絡）だけに使ってください。電話番号がない会員と、SMSが不達・苦情・手動停止の会員は除きます。
--
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column blocked_at   instant ja:"ブロック日時"  en:"Blocked at"
SELECT block.customer_id, block.blocked_at
FROM (
    SELECT customer_id, max(occurred_at) AS blocked_at FROM suppressions WHERE channel = 'line' AND reason = 'blocked' GROUP BY customer_id
) AS block
JOIN (SELECT DISTINCT customer_id FROM contacts WHERE kind = 'phone' AND active) AS phone ON phone.customer_id = block.customer_id
LEFT JOIN (
    -- Whoever opted out refused marketing; what is transactional may still be sent.
    SELECT DISTINCT customer_id FROM suppressions WHERE channel = 'sms' AND reason <> 'opted_out'
) AS closed ON closed.customer_id = block.customer_id
WHERE closed.customer_id IS NULL
ORDER BY block.customer_id
