-- Revenue by channel, each order's split over the clicks of the seven days before by weights that halve every two days.
-- An order looks at the messages of its own week and of the week before: customers with many of both do not meet all with all.
WITH message AS (
    SELECT customer_id, clicked_at, channel, CAST(date_part('epoch', clicked_at) AS BIGINT) / 604800 AS week
    FROM sends
    WHERE clicked_at IS NOT NULL
), bought AS (
    SELECT order_id, customer_id, ordered_at, net, CAST(date_part('epoch', ordered_at) AS BIGINT) / 604800 AS week
    FROM orders
    WHERE status = 'completed'
), touch AS (
    SELECT
        o.order_id, o.net, t.channel,
        power(CAST(0.5 AS DOUBLE), CAST(date_part('epoch', o.ordered_at) - date_part('epoch', t.clicked_at) AS DOUBLE) / 172800) AS weight
    FROM (
        SELECT order_id, customer_id, ordered_at, net, week FROM bought
        UNION ALL
        SELECT order_id, customer_id, ordered_at, net, week - 1 AS week FROM bought
    ) AS o
    JOIN message AS t ON t.customer_id = o.customer_id AND t.week = o.week
    WHERE t.clicked_at <= o.ordered_at AND t.clicked_at > o.ordered_at - INTERVAL '7 days'
), part AS (
    SELECT order_id, sum(weight) AS weight FROM touch GROUP BY order_id
)
SELECT channel, count(*) AS touches, sum(CAST(net AS DOUBLE) * touch.weight / part.weight) AS net
FROM touch JOIN part ON part.order_id = touch.order_id
GROUP BY channel
ORDER BY channel
