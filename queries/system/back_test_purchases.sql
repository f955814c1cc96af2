-- Purchases after a segment's nights
--
-- What each customer bought after `from_at` and up to `to_at`, as it stands now.
--
-- param from_at instant
-- param to_at   instant
-- column customer_id  text     ja:"会員ID"    en:"Customer"
-- column ordered_at   instant  ja:"注文日時"  en:"Ordered at"
-- column net          money    ja:"純売上"    en:"Net"
SELECT customer_id, ordered_at, net
FROM purchases
WHERE customer_id IS NOT NULL AND ordered_at > $from_at AND ordered_at <= $to_at
ORDER BY ordered_at, customer_id, net
