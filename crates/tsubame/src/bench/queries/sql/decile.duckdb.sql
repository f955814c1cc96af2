-- The report `decile` from orders.
WITH buyer AS (
    SELECT customer_id, sum(net) AS net, max(CAST(ordered_at AS DATE)) AS last_on
    FROM orders
    WHERE status = 'completed' AND net > 0 AND CAST(ordered_at AS DATE) > add_days($today, -3650)
    GROUP BY customer_id
), tiled AS (
    SELECT ntile(10) OVER (ORDER BY net DESC, customer_id) AS decile, net, days_between(last_on, $today) AS recency_days
    FROM buyer
), grouped AS (
    SELECT decile, count(*) AS customers, sum(net) AS net, min(net) AS least, max(net) AS most, avg(recency_days) AS recency_days
    FROM tiled
    GROUP BY decile
)
SELECT
    decile, customers, net AS net_revenue,
    CAST(net AS DOUBLE) / CAST(sum(net) OVER () AS DOUBLE) AS share,
    CAST(sum(net) OVER (ORDER BY decile) AS DOUBLE) / CAST(sum(net) OVER () AS DOUBLE) AS cumulative_share,
    CAST(CAST(net AS DOUBLE) / customers AS DECIMAL(18, 4)) AS per_customer,
    least, most, recency_days
FROM grouped
ORDER BY decile
