-- Browse abandoned
-- ja 閲覧離脱
--
-- Customers who last looked at a product between `hours_max` and `hours` hours ago, and have since neither filled a cart nor ordered. With the
-- product looked at last.
-- ja 商品を見たまま、その後カートにも入れず購入もしていない会員です。最後に見た商品が付きます。
--
-- param hours     int = 24
-- param hours_max int = 168
-- column customer_id   text    ja:"会員ID"  en:"Customer"
-- column product_id    text    ja:"商品ID"  en:"Product"
-- column product_name  text    ja:"商品名"  en:"Product name"
-- column price         money   ja:"価格"  en:"Price"
-- column url           text    ja:"URL"  en:"URL"
-- column image_url     text    ja:"画像URL"  en:"Image"
-- column viewed_at     instant ja:"閲覧日時"  en:"Viewed at"
-- column views         int     ja:"閲覧回数"  en:"Views"
SELECT
    look.customer_id, look.product_id, product.name AS product_name, product.price, coalesce(product.url, look.url) AS url,
    product.image_url, look.viewed_at, look.views
FROM (
    SELECT
        customer_id,
        last_value(product_id ORDER BY occurred_at, event_id) AS product_id,
        last_value(url ORDER BY occurred_at, event_id) AS url,
        max(occurred_at) AS viewed_at,
        count(*) AS views
    FROM events
    WHERE name = 'product_viewed' AND product_id IS NOT NULL AND customer_id IS NOT NULL
      AND occurred_at >= add_seconds($as_of, 0 - $hours_max * 3600)
    GROUP BY customer_id
) AS look
LEFT JOIN (
    SELECT customer_id, max(occurred_at) AS at
    FROM events
    WHERE (name = 'product_added' OR (name = 'cart_updated' AND value > 0)) AND occurred_at >= add_seconds($as_of, 0 - $hours_max * 3600)
    GROUP BY customer_id
) AS cart ON cart.customer_id = look.customer_id
LEFT JOIN (
    SELECT customer_id, max(ordered_at) AS at FROM orders WHERE ordered_at >= add_seconds($as_of, 0 - $hours_max * 3600) GROUP BY customer_id
) AS placed ON placed.customer_id = look.customer_id
LEFT JOIN catalogue AS product ON product.product_id = look.product_id
WHERE look.viewed_at <= add_seconds($as_of, 0 - $hours * 3600)
  AND (cart.at IS NULL OR cart.at < look.viewed_at)
  AND (placed.at IS NULL OR placed.at < look.viewed_at)
ORDER BY look.customer_id
