-- Carts to be kept
--
-- Of several last changes of a customer's cart, the last.
--
-- column customer_id  text     ja:"会員ID"  en:"Customer"
-- column cart_id      text     ja:"カートID"  en:"Cart"
-- column value        money    ja:"カート金額"  en:"Cart value"
-- column updated_at   instant  ja:"最終更新日時"  en:"Last change"
-- column position     int      ja:"位置"  en:"Position"
SELECT
    customer_id,
    last_value(cart_id ORDER BY updated_at, position) AS cart_id,
    last_value(value ORDER BY updated_at, position) AS value,
    max(updated_at) AS updated_at,
    last_value(position ORDER BY updated_at, position) AS position
FROM cart_states
GROUP BY customer_id
ORDER BY customer_id
