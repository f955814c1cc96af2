-- The report `f2_by_cohort` from orders.
WITH bought AS (
    SELECT customer_id, CAST(ordered_at AS DATE) AS ordered_on FROM orders WHERE status = 'completed' AND net > 0
), first AS (
    SELECT customer_id, min(ordered_on) AS first_on FROM bought GROUP BY customer_id
), buyer AS (
    SELECT first.customer_id, first_on, min(CASE WHEN ordered_on > first_on THEN ordered_on END) AS second_on
    FROM bought JOIN first ON first.customer_id = bought.customer_id
    GROUP BY first.customer_id, first_on
), aged AS (
    SELECT
        CAST(date_trunc('month', first_on) AS DATE) AS cohort, days_between(first_on, $today) AS age,
        days_between(first_on, second_on) AS gap
    FROM buyer
)
SELECT
    cohort, n AS days, count(*) AS buyers,
    count(*) FILTER (WHERE age >= n) AS matured,
    count(*) FILTER (WHERE age >= n AND gap <= n) AS f2,
    CAST(count(*) FILTER (WHERE age >= n AND gap <= n) AS DOUBLE) / nullif(count(*) FILTER (WHERE age >= n), 0) AS rate,
    min(age) < n AS immature
FROM aged CROSS JOIN (VALUES (30), (60), (90), (180)) AS horizon (n)
GROUP BY cohort, n
ORDER BY cohort, n
