-- Visitors by how far they came within 24 hours: view, cart, checkout, order. At each step the latest start of a chain that reaches it.
WITH step AS (
    SELECT visitor_id, occurred_at, name
    FROM events
    WHERE name IN ('product_viewed', 'cart_updated', 'checkout_started', 'order_completed')
), one AS (
    SELECT *, max(CASE WHEN name = 'product_viewed' THEN occurred_at END)
        OVER (PARTITION BY visitor_id ORDER BY occurred_at ROWS UNBOUNDED PRECEDING) AS start_1
    FROM step
), two AS (
    SELECT *, max(CASE WHEN name = 'cart_updated' AND occurred_at - start_1 <= INTERVAL '24 hours' THEN start_1 END)
        OVER (PARTITION BY visitor_id ORDER BY occurred_at ROWS UNBOUNDED PRECEDING) AS start_2
    FROM one
), three AS (
    SELECT *, max(CASE WHEN name = 'checkout_started' AND occurred_at - start_2 <= INTERVAL '24 hours' THEN start_2 END)
        OVER (PARTITION BY visitor_id ORDER BY occurred_at ROWS UNBOUNDED PRECEDING) AS start_3
    FROM two
), visitor AS (
    SELECT
        visitor_id,
        CASE
            WHEN bool_or(name = 'order_completed' AND occurred_at - start_3 <= INTERVAL '24 hours') THEN 4
            WHEN max(start_3) IS NOT NULL THEN 3
            WHEN max(start_2) IS NOT NULL THEN 2
            WHEN max(start_1) IS NOT NULL THEN 1
            ELSE 0
        END AS level
    FROM three
    GROUP BY visitor_id
)
SELECT level, count(*) AS visitors FROM visitor GROUP BY level ORDER BY level
