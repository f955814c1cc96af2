-- Review request
-- ja レビュー依頼
--
-- Customers whose latest purchase was shipped exactly `days` days ago (placed, where no shipping day is known), with the dearest product
-- in it.
-- ja 最新の購入の出荷から（出荷日が不明なら注文から）ちょうど `days` 日の会員です。その注文で最も高い商品が付きます。
--
-- param days int = 14
-- column customer_id   text  ja:"会員ID"  en:"Customer"
-- column order_id      text  ja:"注文番号"  en:"Order"
-- column arrived_on    date  ja:"出荷日"  en:"Shipped on"
-- column product_id    text  ja:"商品ID"  en:"Product"
-- column product_name  text  ja:"商品名"  en:"Product name"
SELECT latest.customer_id, latest.order_id, latest.arrived_on, line.product_id, line.name AS product_name
FROM (
    SELECT
        customer_id,
        last_value(order_id ORDER BY ordered_at, order_id) AS order_id,
        last_value(source ORDER BY ordered_at, order_id) AS source,
        last_value(coalesce(shipped_on, shop_day(ordered_at)) ORDER BY ordered_at, order_id) AS arrived_on
    FROM purchases
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id
) AS latest
LEFT JOIN (
    SELECT
        source, order_id,
        first_value(product_id ORDER BY amount DESC, product_id) AS product_id,
        first_value(name ORDER BY amount DESC, product_id) AS name
    FROM purchase_lines
    WHERE product_id IS NOT NULL
    GROUP BY source, order_id
) AS line ON line.source = latest.source AND line.order_id = latest.order_id
WHERE latest.arrived_on = add_days($today, 0 - $days)
ORDER BY latest.customer_id
