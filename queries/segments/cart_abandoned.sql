-- Cart abandoned
-- ja カゴ落ち
--
-- Customers whose last cart change, at least `hours` and at most `hours_max` hours ago, left something in the cart, and who placed no order since. With
-- the product changed last. A removal that does not say what is left counts as an empty cart; where the site tells additions one by one,
-- the value is that of the last.
-- ja 最後のカート変更から `hours` 時間以上、`hours_max` 時間以内で、カートに商品が残り、その後注文していない会員です。最後に変更した商品が付きます。
--
-- param hours     int = 3
-- param hours_max int = 720
-- column customer_id   text    ja:"会員ID"  en:"Customer"
-- column cart_id       text    ja:"カートID"  en:"Cart"
-- column cart_value    money   ja:"カート金額"  en:"Cart value"
-- column updated_at    instant ja:"最終更新日時"  en:"Last change"
-- column product_id    text    ja:"商品ID"  en:"Product"
-- column product_name  text    ja:"商品名"  en:"Product name"
-- column price         money   ja:"価格"  en:"Price"
-- column url           text    ja:"URL"  en:"URL"
-- column image_url     text    ja:"画像URL"  en:"Image"
SELECT
    cart.customer_id, cart.cart_id, cart.cart_value, cart.updated_at, cart.product_id, product.name AS product_name, product.price, product.url,
    product.image_url
FROM (
    SELECT
        customer_id,
        last_value(cart_id ORDER BY occurred_at, event_id) AS cart_id,
        last_value(CASE WHEN name = 'product_removed' THEN CAST(0 AS DECIMAL(18, 4)) ELSE value END ORDER BY occurred_at, event_id) AS cart_value,
        last_value(product_id ORDER BY occurred_at, event_id) AS product_id,
        max(occurred_at) AS updated_at
    FROM events
    WHERE name IN ('cart_updated', 'product_added', 'product_removed') AND customer_id IS NOT NULL
      AND occurred_at >= add_seconds($as_of, 0 - $hours_max * 3600)
    GROUP BY customer_id
) AS cart
LEFT JOIN (
    SELECT customer_id, max(ordered_at) AS at FROM orders WHERE ordered_at >= add_seconds($as_of, 0 - $hours_max * 3600) GROUP BY customer_id
) AS placed ON placed.customer_id = cart.customer_id
LEFT JOIN catalogue AS product ON product.product_id = cart.product_id
WHERE cart.cart_value > 0
  AND cart.updated_at <= add_seconds($as_of, 0 - $hours * 3600)
  AND (placed.at IS NULL OR placed.at < cart.updated_at)
ORDER BY cart.customer_id
