-- Nearly sold out
-- ja 在庫わずかのお知らせ
--
-- Customers who looked at a product or put it into the cart in the last `days` days and have not bought it since, of which at most `quantity` are
-- left. Of several the scarcest. The number is a fact of the stock, so a message may say it.
-- ja 直近 `days` 日以内に閲覧・カート投入した商品の在庫が残り `quantity` 点以下の会員です。在庫数は実データなので文面に使えます。
--
-- param quantity int = 3
-- param days     int = 14
-- column customer_id   text    ja:"会員ID"  en:"Customer"
-- column product_id    text    ja:"商品ID"  en:"Product"
-- column product_name  text    ja:"商品名"  en:"Product name"
-- column price         money   ja:"価格"  en:"Price"
-- column url           text    ja:"URL"  en:"URL"
-- column image_url     text    ja:"画像URL"  en:"Image"
-- column left_in_stock int     ja:"残り在庫"  en:"Left in stock"
-- column interest      text    ja:"関心の強さ"  en:"Interest"
SELECT
    wanted.customer_id, wanted.product_id, product.name AS product_name, product.price, product.url, product.image_url, wanted.left_in_stock,
    wanted.interest
FROM (
    SELECT
        seen.customer_id,
        first_value(seen.product_id ORDER BY held.quantity, seen.product_id) AS product_id,
        first_value(seen.interest ORDER BY held.quantity, seen.product_id) AS interest,
        min(held.quantity) AS left_in_stock
    FROM product_interest AS seen
    JOIN (
        SELECT product_id, CAST(sum(quantity) AS BIGINT) AS quantity FROM stock GROUP BY product_id
    ) AS held ON held.product_id = seen.product_id
    WHERE held.quantity > 0 AND held.quantity <= $quantity AND seen.last_at >= add_seconds($as_of, 0 - $days * 86400)
      AND (seen.bought_at IS NULL OR seen.bought_at < seen.last_at)
    GROUP BY seen.customer_id
) AS wanted
LEFT JOIN catalogue AS product ON product.product_id = wanted.product_id
ORDER BY wanted.customer_id
