-- Of the first buyers of a month who have been seen for 90 days, those who bought on another day within 90 days.
WITH bought AS (
    SELECT customer_id, CAST(ordered_at AS DATE) AS ordered_on FROM orders WHERE status = 'completed'
), first AS (
    SELECT customer_id, min(ordered_on) AS first_on FROM bought GROUP BY customer_id
), buyer AS (
    SELECT first.customer_id, first_on, min(CASE WHEN ordered_on > first_on THEN ordered_on END) AS second_on
    FROM bought JOIN first ON first.customer_id = bought.customer_id
    GROUP BY first.customer_id, first_on
)
SELECT
    CAST(date_trunc('month', first_on) AS DATE) AS cohort,
    count(*) AS buyers,
    count(*) FILTER (WHERE days_between(first_on, $today) >= 90) AS matured,
    count(*) FILTER (WHERE days_between(first_on, $today) >= 90 AND days_between(first_on, second_on) <= 90) AS f2
FROM buyer
GROUP BY 1
ORDER BY 1
