-- Customers by the fifths of recency, frequency and money.
SELECT r, f, m, count(*) AS customers, sum(net) AS net
FROM (
    SELECT
        net,
        1 + least(4, CAST(floor(5 * percent_rank() OVER (ORDER BY last_on)) AS BIGINT)) AS r,
        1 + least(4, CAST(floor(5 * percent_rank() OVER (ORDER BY orders)) AS BIGINT)) AS f,
        1 + least(4, CAST(floor(5 * percent_rank() OVER (ORDER BY net)) AS BIGINT)) AS m
    FROM (
        SELECT customer_id, max(CAST(ordered_at AS DATE)) AS last_on, count(*) AS orders, sum(net) AS net
        FROM orders
        WHERE status = 'completed'
        GROUP BY customer_id
    ) AS buyer
) AS scored
GROUP BY r, f, m
ORDER BY r, f, m
