-- Buying histories up to a day
--
-- What each buyer whose first order is sure to be the first did up to the end of `until`, and on how many days after it up to today.
-- Orders of one day are one purchase.
--
-- param until date
-- column customer_id   text   ja:"会員ID"  en:"Customer"
-- column repeats       int    ja:"リピート購入日数"  en:"Repeat days"
-- column recency_days  int    ja:"初回から最終までの日数"  en:"First to last, days"
-- column age_days      int    ja:"初回からの日数"  en:"Days since first"
-- column repeat_value  float  ja:"リピート1回の平均純売上"  en:"Mean net of a repeat day"
-- column later         int    ja:"その後の購入日数"  en:"Purchase days after"
SELECT
    day.customer_id,
    sum(CASE WHEN day.ordered_on <= $until THEN 1 ELSE 0 END) - 1 AS repeats,
    days_between(buyer.first_ordered_on, max(CASE WHEN day.ordered_on <= $until THEN day.ordered_on END)) AS recency_days,
    days_between(buyer.first_ordered_on, $until) AS age_days,
    CAST(sum(CASE WHEN day.ordered_on > buyer.first_ordered_on AND day.ordered_on <= $until THEN day.net END) AS DOUBLE)
        / nullif(sum(CASE WHEN day.ordered_on <= $until THEN 1 ELSE 0 END) - 1, 0) AS repeat_value,
    sum(CASE WHEN day.ordered_on > $until THEN 1 ELSE 0 END) AS later
FROM (
    SELECT customer_id, ordered_on, sum(net) AS net
    FROM purchases
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id, ordered_on
) AS day
JOIN buying_histories AS buyer ON buyer.customer_id = day.customer_id
WHERE buyer.sure AND buyer.first_ordered_on <= $until
GROUP BY day.customer_id, buyer.first_ordered_on
ORDER BY day.customer_id
