-- New arrivals in a category they buy
-- ja よく買うカテゴリの新着商品
--
-- Customers who bought in a category in the last `days` days in which a product is new: first told of in the last `new_days` days, and later than
-- the catalogue itself. With the newest product of the category they bought in most often.
-- ja 直近 `days` 日以内に購入したカテゴリに、`new_days` 日以内の新着商品がある会員です。最もよく買うカテゴリの最新の商品が付きます。
--
-- param new_days int = 7
-- param days     int = 365
-- column customer_id   text  ja:"会員ID"  en:"Customer"
-- column product_id    text  ja:"商品ID"  en:"Product"
-- column product_name  text  ja:"商品名"  en:"Product name"
-- column category      text  ja:"カテゴリ"  en:"Category"
-- column price         money ja:"価格"  en:"Price"
-- column url           text  ja:"URL"  en:"URL"
-- column image_url     text  ja:"画像URL"  en:"Image"
SELECT chosen.customer_id, chosen.product_id, product.name AS product_name, product.category, product.price, product.url, product.image_url
FROM (
    SELECT
        liked.customer_id,
        first_value(fresh.product_id ORDER BY liked.purchases DESC, liked.category, fresh.since DESC, fresh.product_id) AS product_id
    FROM (
        SELECT customer_id, category, count(DISTINCT concat(source, ' ', order_id)) AS purchases
        FROM purchase_lines
        WHERE customer_id IS NOT NULL AND category IS NOT NULL AND ordered_on > add_days($today, 0 - $days)
        GROUP BY customer_id, category
    ) AS liked
    JOIN (
        SELECT story.product_id, story.since, known.category
        FROM (SELECT product_id, min(occurred_at) AS since FROM products_history GROUP BY product_id) AS story
        JOIN catalogue AS known ON known.product_id = story.product_id
        CROSS JOIN (SELECT min(occurred_at) AS since FROM products_history) AS opening
        WHERE known.status = 'active' AND story.since > opening.since AND story.since >= shop_midnight(add_days($today, 0 - $new_days))
    ) AS fresh ON fresh.category = liked.category
    GROUP BY liked.customer_id
) AS chosen
JOIN catalogue AS product ON product.product_id = chosen.product_id
ORDER BY chosen.customer_id
