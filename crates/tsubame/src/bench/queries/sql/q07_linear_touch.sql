-- Revenue by channel, each order's split evenly over the clicks of the seven days before.
WITH touch AS (
    SELECT o.order_id, o.net, t.channel
    FROM orders AS o
    JOIN sends AS t ON t.customer_id = o.customer_id
    WHERE o.status = 'completed' AND t.clicked_at <= o.ordered_at AND t.clicked_at > o.ordered_at - INTERVAL '7 days'
), part AS (
    SELECT order_id, count(*) AS touches FROM touch GROUP BY order_id
)
SELECT channel, count(*) AS touches, sum(CAST(net AS DOUBLE) / part.touches) AS net
FROM touch JOIN part ON part.order_id = touch.order_id
GROUP BY channel
ORDER BY channel
