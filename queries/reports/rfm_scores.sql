-- RFM scores
--
-- R, F and M of each buyer (5 is best), the values behind them, and (by thresholds) the score before and the day it became this one.
-- `method` is as in the RFM grid: `thresholds` over the last `rfm_days` days, `percent_rank` or `ntile` over all purchases.
--
-- param method text = "thresholds"
-- column customer_id      text    ja:"会員ID"  en:"Customer"
-- column r                int     ja:"R"  en:"R"
-- column f                int     ja:"F"  en:"F"
-- column m                int     ja:"M"  en:"M"
-- column previous         int     ja:"前回のスコア（RFM）"  en:"Score before (RFM)"
-- column changed_on       date    ja:"変化日"  en:"Changed on"
-- column recency_days     int     ja:"最終購入からの日数"  en:"Days since last purchase"
-- column orders           int     ja:"注文数"  en:"Orders"
-- column net_revenue      money   ja:"純売上"  en:"Net revenue"
-- column last_ordered_on  date    ja:"最終購入日"  en:"Last purchase"
SELECT customer_id, r, f, m, previous, changed_on, recency_days, orders, net_revenue, last_ordered_on
FROM (
    SELECT
        now.customer_id, now.r, now.f, now.m, nullif(step.previous, 0) AS previous, step.changed_on, now.recency_days, now.orders,
        now.net_revenue, now.last_ordered_on
    FROM customer_rfm AS now
    LEFT JOIN (
        SELECT customer_id, max(changed_on) AS changed_on, last_value(previous ORDER BY changed_on) AS previous
        FROM rfm_steps
        GROUP BY customer_id
    ) AS step ON step.customer_id = now.customer_id
    WHERE $method = 'thresholds'
    UNION ALL
    SELECT
        customer_id, r, f, m, CAST(NULL AS BIGINT) AS previous, CAST(NULL AS DATE) AS changed_on, recency_days, orders, net_revenue,
        last_ordered_on
    FROM customer_ranks
    WHERE $method = 'percent_rank'
    UNION ALL
    SELECT
        customer_id,
        CAST(ntile(5) OVER (ORDER BY last_ordered_on, customer_id) AS BIGINT) AS r,
        CAST(ntile(5) OVER (ORDER BY orders, customer_id) AS BIGINT) AS f,
        CAST(ntile(5) OVER (ORDER BY net_revenue, customer_id) AS BIGINT) AS m,
        CAST(NULL AS BIGINT) AS previous, CAST(NULL AS DATE) AS changed_on,
        days_between(last_ordered_on, $today) AS recency_days, orders, net_revenue, last_ordered_on
    FROM customer_facts
    WHERE $method = 'ntile'
) AS scored
ORDER BY r DESC, f DESC, m DESC, customer_id
