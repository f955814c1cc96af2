-- The report `rfm_grid` from orders.
WITH buyer AS (
    SELECT customer_id, max(CAST(ordered_at AS DATE)) AS last_on, count(*) AS orders, sum(net) AS net
    FROM orders
    WHERE status = 'completed' AND net > 0
    GROUP BY customer_id
), ranked AS (
    SELECT
        net, count(*) OVER () AS n,
        rank() OVER (ORDER BY last_on) - 1 AS older,
        rank() OVER (ORDER BY orders) - 1 AS rarer
    FROM buyer
), scored AS (
    SELECT
        net, n,
        1 + least(4, CAST(floor(CAST(5 * older AS DOUBLE) / greatest(n - 1, 1)) AS BIGINT)) AS r,
        1 + least(4, CAST(floor(CAST(5 * rarer AS DOUBLE) / greatest(n - 1, 1)) AS BIGINT)) AS f
    FROM ranked
)
SELECT
    r, f, count(*) AS customers, CAST(count(*) AS DOUBLE) / max(n) AS share, sum(net) AS net_revenue,
    CAST(CAST(sum(net) AS DOUBLE) / count(*) AS DECIMAL(18, 4)) AS per_customer
FROM scored
GROUP BY r, f
ORDER BY r DESC, f DESC
