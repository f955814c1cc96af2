-- Clicks since
--
-- The first click on each message from `from_at` on, by a person: as its provider told it, or as the page showed that it led to.
--
-- param from_at instant
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column send_id      text    ja:"配信ID"  en:"Send"
-- column clicked_at   instant ja:"クリック日時"  en:"Clicked at"
-- column known_at     instant ja:"判明日時"  en:"Known at"
SELECT customer_id, send_id, min(occurred_at) AS clicked_at, min(known_at) AS known_at
FROM (
    SELECT customer_id, send_id, occurred_at, known_at
    FROM receipts_history
    WHERE kind = 'clicked' AND human AND occurred_at >= $from_at
    UNION ALL
    SELECT customer_id, send_id, occurred_at, known_at
    FROM events_history
    WHERE send_id IS NOT NULL AND customer_id IS NOT NULL AND occurred_at >= $from_at
) AS click
GROUP BY customer_id, send_id
ORDER BY customer_id, clicked_at, send_id
