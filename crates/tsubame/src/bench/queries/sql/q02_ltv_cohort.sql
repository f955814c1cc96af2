-- Net revenue and buyers by the month of the first order and the months since.
WITH month AS (
    SELECT customer_id, CAST(date_trunc('month', ordered_at) AS DATE) AS month, sum(net) AS net
    FROM orders
    WHERE status = 'completed'
    GROUP BY customer_id, CAST(date_trunc('month', ordered_at) AS DATE)
), buyer AS (
    SELECT customer_id, min(month) AS cohort FROM month GROUP BY customer_id
)
SELECT cohort, months_between(cohort, month) AS age, count(*) AS buyers, sum(net) AS net
FROM month JOIN buyer ON buyer.customer_id = month.customer_id
GROUP BY cohort, months_between(cohort, month)
ORDER BY cohort, age
