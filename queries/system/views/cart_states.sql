-- Carts
--
-- The last change of each customer's cart: the one that happened last; of two at the same instant, the one that came in last.
--
-- column customer_id  text     ja:"会員ID"  en:"Customer"
-- column cart_id      text     ja:"カートID"  en:"Cart"
-- column value        money    ja:"カート金額"  en:"Cart value"
-- column updated_at   instant  ja:"最終更新日時"  en:"Last change"
-- column position     int      ja:"位置"  en:"Position"
SELECT
    customer_id,
    last_value(cart_id ORDER BY occurred_at, position) AS cart_id,
    last_value(value ORDER BY occurred_at, position) AS value,
    max(occurred_at) AS updated_at,
    last_value(position ORDER BY occurred_at, position) AS position
FROM events_history
WHERE name = 'cart_updated' AND customer_id IS NOT NULL
GROUP BY customer_id
