-- For each product, the ten that were most often in one order with it in the last 180 days.
WITH line AS (
    SELECT DISTINCT item.order_id, item.product_id
    FROM order_items AS item
    JOIN orders AS o ON o.order_id = item.order_id
    WHERE o.status = 'completed' AND o.ordered_at >= CAST(add_days($today, -180) AS TIMESTAMP(6))
)
SELECT product_id, other_id, orders
FROM (
    SELECT product_id, other_id, orders, row_number() OVER (PARTITION BY product_id ORDER BY orders DESC, other_id) AS nth
    FROM (
        SELECT a.product_id, b.product_id AS other_id, count(*) AS orders
        FROM line AS a JOIN line AS b ON b.order_id = a.order_id AND b.product_id <> a.product_id
        GROUP BY a.product_id, b.product_id
    ) AS pair
) AS ranked
WHERE nth <= 10
ORDER BY product_id, nth
