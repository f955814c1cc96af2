-- Back in stock
-- ja 再入荷のお知らせ
--
-- Customers who looked at a product or put it into the cart in the last `days` days and have not bought it since, where it is in stock again: `hours`
-- ago there was none. Of several products the one of the latest interest. Counts all SKUs and locations of a product together.
-- ja 直近 `days` 日以内に閲覧・カート投入した商品が、`hours` 時間以内に再入荷した会員です（その後購入した人は除きます）。
--
-- param hours int = 24
-- param days  int = 60
-- column customer_id   text    ja:"会員ID"  en:"Customer"
-- column product_id    text    ja:"商品ID"  en:"Product"
-- column product_name  text    ja:"商品名"  en:"Product name"
-- column price         money   ja:"価格"  en:"Price"
-- column url           text    ja:"URL"  en:"URL"
-- column image_url     text    ja:"画像URL"  en:"Image"
-- column quantity      int     ja:"在庫数"  en:"In stock"
-- column interest      text    ja:"関心の強さ"  en:"Interest"
SELECT wanted.customer_id, wanted.product_id, product.name AS product_name, product.price, product.url, product.image_url, wanted.quantity, wanted.interest
FROM (
    SELECT
        seen.customer_id,
        last_value(seen.product_id ORDER BY seen.last_at, seen.product_id) AS product_id,
        last_value(seen.interest ORDER BY seen.last_at, seen.product_id) AS interest,
        last_value(back.quantity ORDER BY seen.last_at, seen.product_id) AS quantity
    FROM product_interest AS seen
    JOIN (
        SELECT now.product_id, now.quantity
        FROM (SELECT product_id, CAST(sum(quantity) AS BIGINT) AS quantity FROM stock GROUP BY product_id) AS now
        JOIN (
            SELECT product_id, sum(quantity) AS quantity
            FROM (
                SELECT product_id, source, sku, location, last_value(quantity ORDER BY occurred_at, position) AS quantity
                FROM stock_history
                WHERE occurred_at <= add_seconds($as_of, 0 - $hours * 3600)
                GROUP BY product_id, source, sku, location
            ) AS held
            GROUP BY product_id
        ) AS before ON before.product_id = now.product_id
        WHERE now.quantity > 0 AND before.quantity <= 0
    ) AS back ON back.product_id = seen.product_id
    WHERE seen.last_at >= add_seconds($as_of, 0 - $days * 86400) AND (seen.bought_at IS NULL OR seen.bought_at < seen.last_at)
    GROUP BY seen.customer_id
) AS wanted
LEFT JOIN catalogue AS product ON product.product_id = wanted.product_id
ORDER BY wanted.customer_id
