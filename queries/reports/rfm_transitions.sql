-- RFM: from score to score
--
-- How many customers had which score `days` days ago and have which today, by one of the three scores (`axis` is r, f or m) and by
-- thresholds. 0 stands for no order in the window: not yet a buyer then, or gone by today. Who bought for the first time in between comes from 0.
--
-- param axis text = "r"
-- param days int  = 30
-- column score_before  int   ja:"以前のスコア"  en:"Score then"
-- column score_now     int   ja:"現在のスコア"  en:"Score now"
-- column customers     int   ja:"会員数"  en:"Customers"
-- column share         rate  ja:"以前のスコアに占める割合"  en:"Share of those who had it"
SELECT
    score_before, score_now, customers,
    CAST(customers AS DOUBLE) / sum(customers) OVER (PARTITION BY score_before) AS share
FROM (
    SELECT score_before, score_now, count(*) AS customers
    FROM (
        SELECT
            CASE $axis WHEN 'f' THEN before / 10 % 10 WHEN 'm' THEN before % 10 ELSE before / 100 END AS score_before,
            CASE $axis WHEN 'f' THEN now / 10 % 10 WHEN 'm' THEN now % 10 ELSE now / 100 END AS score_now
        FROM (
            SELECT
                coalesce(last_value(score ORDER BY changed_on) FILTER (WHERE changed_on <= add_days($today, 0 - $days)), 0) AS before,
                last_value(score ORDER BY changed_on) AS now
            FROM rfm_steps
            GROUP BY customer_id
        ) AS customer
    ) AS moved
    WHERE score_before > 0 OR score_now > 0
    GROUP BY score_before, score_now
) AS counted
ORDER BY score_before DESC, score_now DESC
