-- In each category, the twenty products that sold best in the last 30 days.
SELECT category, product_id, quantity, amount
FROM (
    SELECT
        category, product_id, quantity, amount,
        row_number() OVER (PARTITION BY category ORDER BY amount DESC, product_id) AS nth
    FROM (
        SELECT item.category, item.product_id, sum(item.quantity) AS quantity, sum(item.amount) AS amount
        FROM order_items AS item
        JOIN orders AS o ON o.order_id = item.order_id
        WHERE o.status = 'completed' AND o.ordered_at >= CAST(add_days($today, -30) AS TIMESTAMP(6))
        GROUP BY item.category, item.product_id
    ) AS sold
) AS ranked
WHERE nth <= 20
ORDER BY category, nth
