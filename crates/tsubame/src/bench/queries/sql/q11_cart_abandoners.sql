-- Customers who filled a cart in the last three days and have not ordered since.
SELECT cart.customer_id, cart.value
FROM (
    SELECT customer_id, max(occurred_at) AS carted_at, max(value) AS value
    FROM events
    WHERE name = 'cart_updated' AND customer_id IS NOT NULL AND occurred_at >= CAST(add_days($today, -3) AS TIMESTAMP(6))
    GROUP BY customer_id
) AS cart
WHERE NOT EXISTS (
    SELECT 1 FROM orders AS o
    WHERE o.customer_id = cart.customer_id AND o.ordered_at >= CAST(add_days($today, -3) AS TIMESTAMP(6))
      AND o.ordered_at > cart.carted_at)
ORDER BY cart.customer_id
