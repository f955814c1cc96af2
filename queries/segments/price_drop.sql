-- Price drop
-- ja 値下げのお知らせ
--
-- Customers who looked at a product or put it into the cart in the last `days` days and have not bought it since, where its price fell by at least
-- `min_fall` within `hours` hours. Of several the largest fall.
-- ja 直近 `days` 日以内に閲覧・カート投入した商品が、`hours` 時間以内に `min_fall` 以上値下がりした会員です。
--
-- param hours    int   = 24
-- param days     int   = 60
-- param min_fall float = 0.05
-- column customer_id   text    ja:"会員ID"  en:"Customer"
-- column product_id    text    ja:"商品ID"  en:"Product"
-- column product_name  text    ja:"商品名"  en:"Product name"
-- column former_price  money   ja:"値下げ前の価格"  en:"Former price"
-- column price         money   ja:"価格"  en:"Price"
-- column fall          rate    ja:"値下げ率"  en:"Fall"
-- column url           text    ja:"URL"  en:"URL"
-- column image_url     text    ja:"画像URL"  en:"Image"
-- column interest      text    ja:"関心の強さ"  en:"Interest"
SELECT
    wanted.customer_id, wanted.product_id, product.name AS product_name, wanted.former_price, product.price, wanted.fall, product.url,
    product.image_url, wanted.interest
FROM (
    SELECT
        seen.customer_id,
        first_value(seen.product_id ORDER BY fallen.fall DESC, seen.product_id) AS product_id,
        first_value(seen.interest ORDER BY fallen.fall DESC, seen.product_id) AS interest,
        first_value(fallen.former_price ORDER BY fallen.fall DESC, seen.product_id) AS former_price,
        max(fallen.fall) AS fall
    FROM product_interest AS seen
    JOIN (
        SELECT
            now.product_id, before.price AS former_price,
            CAST(before.price - now.price AS DOUBLE) / CAST(before.price AS DOUBLE) AS fall
        FROM catalogue AS now
        JOIN (
            SELECT product_id, last_value(price ORDER BY occurred_at, position) AS price
            FROM products_history
            WHERE price > 0 AND occurred_at <= add_seconds($as_of, 0 - $hours * 3600)
            GROUP BY product_id
        ) AS before ON before.product_id = now.product_id
        WHERE now.price < before.price
    ) AS fallen ON fallen.product_id = seen.product_id
    WHERE fallen.fall >= $min_fall AND seen.last_at >= add_seconds($as_of, 0 - $days * 86400)
      AND (seen.bought_at IS NULL OR seen.bought_at < seen.last_at)
    GROUP BY seen.customer_id
) AS wanted
LEFT JOIN catalogue AS product ON product.product_id = wanted.product_id
ORDER BY wanted.customer_id
