-- Buying histories
--
-- What a model of repeat buying needs of each buyer, in shop days: on how many days after the first they bought again, from the first to
-- the last such day, from the first to today, and what they spent on a repeat day on average (empty for who bought once).
-- `sure` is false where the first order in the data may not be the first of all.
--
-- column customer_id       text   ja:"会員ID"  en:"Customer"
-- column first_ordered_on  date   ja:"初回購入日"  en:"First purchase"
-- column repeats           int    ja:"リピート購入日数"  en:"Repeat days"
-- column recency_days      int    ja:"初回から最終までの日数"  en:"First to last, days"
-- column age_days          int    ja:"初回からの日数"  en:"Days since first"
-- column repeat_value      float  ja:"リピート1回の平均純売上"  en:"Mean net of a repeat day"
-- column net_revenue       money  ja:"純売上"  en:"Net revenue"
-- column sure              bool   ja:"初回が確実"  en:"First order is sure"
SELECT
    day.customer_id, buyer.first_ordered_on,
    count(*) - 1 AS repeats,
    days_between(buyer.first_ordered_on, max(day.ordered_on)) AS recency_days,
    days_between(buyer.first_ordered_on, $today) AS age_days,
    CAST(sum(CASE WHEN day.ordered_on > buyer.first_ordered_on THEN day.net END) AS DOUBLE) / nullif(count(*) - 1, 0) AS repeat_value,
    CAST(sum(day.net) AS DECIMAL(18, 4)) AS net_revenue,
    buyer.first_ordered_on >= history.first_from OR coalesce(profile.registered_on >= history.data_from, FALSE) AS sure
FROM (
    SELECT customer_id, ordered_on, sum(net) AS net
    FROM purchases
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id, ordered_on
) AS day
JOIN (
    SELECT customer_id, min(ordered_on) AS first_ordered_on
    FROM purchases
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id
) AS buyer ON buyer.customer_id = day.customer_id
LEFT JOIN customers AS profile ON profile.customer_id = day.customer_id
CROSS JOIN history_start AS history
GROUP BY day.customer_id, buyer.first_ordered_on, history.first_from, history.data_from, profile.registered_on
