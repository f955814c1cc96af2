-- The report `ltv_by_cohort` from orders.
WITH month AS (
    SELECT customer_id, CAST(date_trunc('month', ordered_at) AS DATE) AS month, sum(net) AS net
    FROM orders
    WHERE status = 'completed' AND net > 0
    GROUP BY 1, 2
), buyer AS (
    SELECT customer_id, min(month) AS cohort FROM month GROUP BY customer_id
), cell AS (
    SELECT cohort, months_between(cohort, month) AS age, count(*) AS buyers, sum(net) AS net
    FROM month JOIN buyer ON buyer.customer_id = month.customer_id
    GROUP BY 1, 2
)
SELECT
    cohort, series.age,
    CAST(sum(CASE WHEN cell.age = 0 THEN buyers ELSE 0 END) AS BIGINT) AS customers,
    sum(net) AS net_revenue,
    CAST(CAST(sum(net) AS DOUBLE) / sum(CASE WHEN cell.age = 0 THEN buyers ELSE 0 END) AS DECIMAL(18, 4)) AS ltv
FROM cell
JOIN (SELECT unnest(range(0, 601)) AS age) AS series ON series.age >= cell.age
WHERE series.age <= 24 AND series.age < months_between(cohort, $today)
GROUP BY cohort, series.age
ORDER BY cohort, series.age
