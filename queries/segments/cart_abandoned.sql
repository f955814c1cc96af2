-- Cart abandoned
-- ja カゴ落ち
--
-- Customers whose last cart change, at least `hours` and at most `hours_max` hours ago, left something in the cart, and
-- who placed no order since.
-- ja 最後のカート変更から `hours` 時間以上、`hours_max` 時間以内で、カートに商品が残り、その後注文していない会員です。
--
-- param hours     int = 3
-- param hours_max int = 720
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column cart_id      text    ja:"カートID"  en:"Cart"
-- column cart_value   money   ja:"カート金額"  en:"Cart value"
-- column updated_at   instant ja:"最終更新日時"  en:"Last change"
SELECT cart.customer_id, cart.cart_id, cart.value AS cart_value, cart.occurred_at AS updated_at
FROM events_history AS cart
WHERE cart.name = 'cart_updated'
  AND cart.customer_id IS NOT NULL
  AND cart.value > 0
  AND cart.occurred_at <= add_seconds($as_of, 0 - $hours * 3600)
  AND cart.occurred_at >= add_seconds($as_of, 0 - $hours_max * 3600)
  AND NOT EXISTS (
    SELECT 1
    FROM events_history AS later
    WHERE later.name = 'cart_updated' AND later.customer_id = cart.customer_id
      AND (later.occurred_at > cart.occurred_at
        OR (later.occurred_at = cart.occurred_at AND later.position > cart.position)))
  AND NOT EXISTS (
    SELECT 1
    FROM orders_history AS placed
    WHERE placed.customer_id = cart.customer_id AND placed.ordered_at >= cart.occurred_at)
ORDER BY cart.customer_id
