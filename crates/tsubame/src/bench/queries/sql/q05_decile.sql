-- Buyers of the last year in ten groups by what they spent.
SELECT decile, count(*) AS customers, sum(net) AS net, min(net) AS least, max(net) AS most
FROM (
    SELECT net, ntile(10) OVER (ORDER BY net DESC, customer_id) AS decile
    FROM (
        SELECT customer_id, sum(net) AS net
        FROM orders
        WHERE status = 'completed' AND ordered_at >= CAST(add_days($today, -365) AS TIMESTAMP(6))
        GROUP BY customer_id
    ) AS buyer
) AS tiled
GROUP BY decile
ORDER BY decile
