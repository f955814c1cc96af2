-- Per experiment and arm: customers, buyers within 14 days, and the moments of what they spent.
SELECT experiment, variant, count(*) AS customers, count(net) AS buyers, sum(net) AS net, sum(net * net) AS net_squared
FROM (
    SELECT e.experiment, e.variant, e.customer_id, CAST(sum(o.net) AS DOUBLE) AS net
    FROM exposures AS e
    LEFT JOIN (
        SELECT customer_id, CAST(ordered_at AS DATE) AS ordered_on, net
        FROM orders
        WHERE status = 'completed' AND ordered_at >= CAST(add_days($today, -200) AS TIMESTAMP(6))
    ) AS o ON o.customer_id = e.customer_id AND o.ordered_on >= e.exposed_on AND o.ordered_on < add_days(e.exposed_on, 14)
    GROUP BY e.experiment, e.variant, e.customer_id
) AS customer
GROUP BY experiment, variant
ORDER BY experiment, variant
