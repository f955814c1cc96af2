-- Bought something dear
-- ja 高単価商品の購入者
--
-- Customers who bought a product at a unit price of `price` or more in the last `days` days. With the dearest.
-- ja 直近 `days` 日以内に、1点 `price` 以上の商品を買った会員です。最も高い商品が付きます。
--
-- param price money = 10000
-- param days  int   = 365
-- column customer_id   text   ja:"会員ID"  en:"Customer"
-- column product_id    text   ja:"商品ID"  en:"Product"
-- column product_name  text   ja:"商品名"  en:"Product name"
-- column unit_price    money  ja:"単価"  en:"Unit price"
-- column ordered_on    date   ja:"購入日"  en:"Bought on"
SELECT customer_id, product_id, product_name, unit_price, ordered_on
FROM (
    SELECT
        customer_id,
        first_value(product_id ORDER BY unit_price DESC, ordered_on DESC, product_id) AS product_id,
        first_value(name ORDER BY unit_price DESC, ordered_on DESC, product_id) AS product_name,
        max(unit_price) AS unit_price,
        first_value(ordered_on ORDER BY unit_price DESC, ordered_on DESC, product_id) AS ordered_on
    FROM (
        SELECT customer_id, product_id, name, ordered_on, CAST(amount / nullif(quantity, 0) AS DECIMAL(18, 4)) AS unit_price
        FROM purchase_lines
        WHERE customer_id IS NOT NULL AND ordered_on > add_days($today, 0 - $days)
    ) AS line
    WHERE unit_price >= $price
    GROUP BY customer_id
) AS dearest
ORDER BY customer_id
