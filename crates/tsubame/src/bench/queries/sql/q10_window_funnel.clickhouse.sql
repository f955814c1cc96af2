-- Visitors by how far they came within 24 hours: view, cart, checkout, order.
SELECT level, count(*) AS visitors
FROM (
    SELECT
        visitor_id,
        windowFunnel(86400000000)(toUInt64(toUnixTimestamp64Micro(occurred_at)), name = 'product_viewed', name = 'cart_updated',
            name = 'checkout_started', name = 'order_completed') AS level
    FROM events
    WHERE name IN ('product_viewed', 'cart_updated', 'checkout_started', 'order_completed')
    GROUP BY visitor_id
) AS visitor
GROUP BY level
ORDER BY level
