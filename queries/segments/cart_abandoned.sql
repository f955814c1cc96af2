-- Cart abandoned
--
-- Customers whose last cart change, at least `hours` and at most `hours_max` hours ago, left something in the cart, and
-- who placed no order since.
--
-- param hours     int = 3
-- param hours_max int = 720
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column cart_id      text    ja:"カートID"  en:"Cart"
-- column cart_value   money   ja:"カート金額"  en:"Cart value"
-- column updated_at   instant ja:"最終更新日時"  en:"Last change"
SELECT cart.customer_id, cart.cart_id, cart.value AS cart_value, cart.updated_at
FROM cart_states AS cart
WHERE cart.value > 0
  AND cart.updated_at <= add_seconds($as_of, 0 - $hours * 3600)
  AND cart.updated_at >= add_seconds($as_of, 0 - $hours_max * 3600)
  AND NOT EXISTS (
    SELECT 1
    FROM orders_history AS placed
    WHERE placed.customer_id = cart.customer_id AND placed.ordered_at >= cart.updated_at)
ORDER BY cart.customer_id
