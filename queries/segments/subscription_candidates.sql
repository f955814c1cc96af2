-- Could subscribe
-- ja 定期への引き上げ候補
--
-- Customers who bought the same product on `times` days or more in the last `days` days, and have no active subscription. With the product
-- bought most often.
-- ja 同じ商品を直近 `days` 日で `times` 回以上買っていて、継続中の定期がない会員です。定期購入の案内に使います。
--
-- param times int = 3
-- param days  int = 365
-- column customer_id      text  ja:"会員ID"  en:"Customer"
-- column product_id       text  ja:"商品ID"  en:"Product"
-- column product_name     text  ja:"商品名"  en:"Product name"
-- column purchase_days    int   ja:"購入日数"  en:"Purchase days"
-- column last_ordered_on  date  ja:"最終購入日"  en:"Last purchase"
SELECT usual.customer_id, usual.product_id, usual.product_name, usual.purchase_days, usual.last_ordered_on
FROM (
    SELECT
        customer_id,
        first_value(product_id ORDER BY purchase_days DESC, product_id) AS product_id,
        first_value(name ORDER BY purchase_days DESC, product_id) AS product_name,
        max(purchase_days) AS purchase_days,
        first_value(last_on ORDER BY purchase_days DESC, product_id) AS last_ordered_on
    FROM (
        SELECT customer_id, product_id, max(name) AS name, count(*) AS purchase_days, max(ordered_on) AS last_on
        FROM (
            SELECT customer_id, product_id, ordered_on, max(name) AS name
            FROM purchase_lines
            WHERE customer_id IS NOT NULL AND product_id IS NOT NULL AND ordered_on > add_days($today, 0 - $days)
            GROUP BY customer_id, product_id, ordered_on
        ) AS day
        GROUP BY customer_id, product_id
    ) AS product
    GROUP BY customer_id
) AS usual
LEFT JOIN (SELECT DISTINCT customer_id FROM contracts WHERE status = 'active') AS running
    ON running.customer_id = usual.customer_id
WHERE usual.purchase_days >= $times AND running.customer_id IS NULL
ORDER BY usual.customer_id
