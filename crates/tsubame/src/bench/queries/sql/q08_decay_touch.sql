-- Revenue by channel, each order's split over the clicks of the seven days before by weights that halve every two days.
WITH touch AS (
    SELECT
        o.order_id, o.net, t.channel,
        power(CAST(0.5 AS DOUBLE), CAST(date_part('epoch', o.ordered_at) - date_part('epoch', t.clicked_at) AS DOUBLE) / 172800) AS weight
    FROM orders AS o
    JOIN sends AS t ON t.customer_id = o.customer_id
    WHERE o.status = 'completed' AND t.clicked_at <= o.ordered_at AND t.clicked_at > o.ordered_at - INTERVAL '7 days'
), part AS (
    SELECT order_id, sum(weight) AS weight FROM touch GROUP BY order_id
)
SELECT channel, count(*) AS touches, sum(CAST(net AS DOUBLE) * touch.weight / part.weight) AS net
FROM touch JOIN part ON part.order_id = touch.order_id
GROUP BY channel
ORDER BY channel
