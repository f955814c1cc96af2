-- Erased since
--
-- Customers whose addresses were erased from `from_at` on, and when last.
--
-- param from_at instant
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column erased_at    instant ja:"消去日時"  en:"Erased at"
SELECT customer_id, max(occurred_at) AS erased_at
FROM contacts_history
WHERE source = 'erasure' AND occurred_at >= $from_at
GROUP BY customer_id
ORDER BY customer_id
