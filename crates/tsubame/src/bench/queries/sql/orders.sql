-- The orders from which a lake is made, in the order of time.
SELECT order_id, customer_id, CAST(CAST(ordered_at AS TIMESTAMP(6)) AS BIGINT) AS ordered_at, status, CAST(net AS DECIMAL(18, 4)) AS net
FROM orders
ORDER BY ordered_at, order_id
