-- The report `second_purchase_survival` from orders.
WITH bought AS (
    SELECT customer_id, CAST(ordered_at AS DATE) AS ordered_on FROM orders WHERE status = 'completed' AND net > 0
), first AS (
    SELECT customer_id, min(ordered_on) AS first_on FROM bought GROUP BY customer_id
), buyer AS (
    SELECT first.customer_id, first_on, min(CASE WHEN ordered_on > first_on THEN ordered_on END) AS second_on
    FROM bought JOIN first ON first.customer_id = bought.customer_id
    GROUP BY first.customer_id, first_on
), counted AS (
    SELECT
        coalesce(days_between(first_on, second_on), days_between(first_on, $today)) AS day,
        count(second_on) AS events, count(*) - count(second_on) AS censored
    FROM buyer
    GROUP BY 1
), risk AS (
    SELECT day, events, censored, sum(events + censored) OVER (ORDER BY day DESC) AS at_risk FROM counted
), product AS (
    SELECT
        day, at_risk, events, censored,
        CASE WHEN max(CASE WHEN events = at_risk THEN 1 ELSE 0 END) OVER (ORDER BY day) = 1 THEN CAST(0 AS DOUBLE)
            ELSE exp(sum(CASE WHEN events < at_risk THEN ln(1 - CAST(events AS DOUBLE) / at_risk) END) OVER (ORDER BY day))
        END AS survival,
        sum(CASE WHEN events < at_risk THEN CAST(events AS DOUBLE) / (CAST(at_risk AS DOUBLE) * (at_risk - events)) END)
            OVER (ORDER BY day) AS variance
    FROM risk
), curve AS (
    SELECT
        *,
        CASE WHEN survival > 0 AND survival < 1 THEN 1.959963984540054 * sqrt(variance) / abs(ln(survival)) END AS theta,
        min(CASE WHEN survival <= 0.5 + 1e-12 THEN day END) OVER () AS median_days
    FROM product
)
SELECT
    day, at_risk, events, censored, 1 - survival AS converted,
    CASE WHEN survival > 0 AND survival < 1 THEN 1 - power(survival, exp(0 - theta)) END AS low,
    CASE WHEN survival > 0 AND survival < 1 THEN 1 - power(survival, exp(theta)) END AS high,
    CASE WHEN survival > 0 THEN survival * sqrt(variance) END AS se,
    median_days
FROM curve
WHERE day <= 730
ORDER BY day
