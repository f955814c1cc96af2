-- Customers by the weeks from their first day of purchase to the second.
SELECT days_between(first_on, second_on) / 7 AS week, count(*) AS customers
FROM (
    SELECT customer_id, min(ordered_on) AS first_on, second_min(ordered_on) AS second_on
    FROM (SELECT customer_id, CAST(ordered_at AS DATE) AS ordered_on FROM orders WHERE status = 'completed') AS bought
    GROUP BY customer_id
) AS buyer
WHERE second_on IS NOT NULL
GROUP BY 1
ORDER BY 1
