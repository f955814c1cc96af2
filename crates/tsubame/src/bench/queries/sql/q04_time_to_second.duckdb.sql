-- Customers by the weeks from their first day of purchase to the second.
WITH bought AS (
    SELECT customer_id, CAST(ordered_at AS DATE) AS ordered_on FROM orders WHERE status = 'completed'
), first AS (
    SELECT customer_id, min(ordered_on) AS first_on FROM bought GROUP BY customer_id
), buyer AS (
    SELECT first.customer_id, first_on, min(CASE WHEN ordered_on > first_on THEN ordered_on END) AS second_on
    FROM bought JOIN first ON first.customer_id = bought.customer_id
    GROUP BY first.customer_id, first_on
)
SELECT days_between(first_on, second_on) // 7 AS week, count(*) AS customers
FROM buyer
WHERE second_on IS NOT NULL
GROUP BY 1
ORDER BY 1
