-- Orders and revenue by the scenario of the last message in the seven days before.
-- An order looks at the messages of its own week and of the week before: customers with many of both do not meet all with all.
WITH message AS (
    SELECT customer_id, sent_at, send_id, scenario, CAST(date_part('epoch', sent_at) AS BIGINT) // 604800 AS week
    FROM sends
    WHERE state = 'accepted'
), bought AS (
    SELECT order_id, customer_id, ordered_at, net, CAST(date_part('epoch', ordered_at) AS BIGINT) // 604800 AS week
    FROM orders
    WHERE status = 'completed'
), touch AS (
    SELECT o.order_id, o.net, t.scenario, t.sent_at, t.send_id
    FROM (
        SELECT order_id, customer_id, ordered_at, net, week FROM bought
        UNION ALL
        SELECT order_id, customer_id, ordered_at, net, week - 1 AS week FROM bought
    ) AS o
    JOIN message AS t ON t.customer_id = o.customer_id AND t.week = o.week
    WHERE t.sent_at <= o.ordered_at AND t.sent_at > o.ordered_at - INTERVAL '7 days'
)
SELECT scenario, count(*) AS orders, sum(net) AS net
FROM (
    SELECT net, scenario, row_number() OVER (PARTITION BY order_id ORDER BY sent_at DESC, send_id DESC) AS nth FROM touch
) AS ranked
WHERE nth = 1
GROUP BY scenario
ORDER BY scenario
