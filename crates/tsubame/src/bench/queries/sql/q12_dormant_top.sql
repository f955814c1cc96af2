-- Customers in the top 30 % by revenue whose last order is 150 days old.
SELECT customer_id, net
FROM (
    SELECT customer_id, net, last_on, percent_rank() OVER (ORDER BY net DESC) AS above
    FROM (
        SELECT customer_id, sum(net) AS net, max(CAST(ordered_at AS DATE)) AS last_on
        FROM orders
        WHERE status = 'completed'
        GROUP BY customer_id
    ) AS buyer
) AS ranked
WHERE above < 0.3 AND last_on <= add_days($today, -150)
ORDER BY customer_id
