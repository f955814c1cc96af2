-- Second purchase (F2) by cohort
--
-- Of the buyers first seen in a month, the share who bought on a later day within N days of their first purchase. Only
-- customers observed for N days or more count, above and below the line; `immature` says that the cohort has others,
-- whose answer is not known yet. The rate is empty while nobody has been observed that long. Cancelled, returned and
-- zero-yen orders are no purchases.
--
-- column cohort    date    ja:"初回購入月"  en:"First purchase"
-- column days      int     ja:"日数"  en:"Within days"
-- column buyers    int     ja:"初回購入者数"  en:"First buyers"
-- column matured   int     ja:"観測済み人数"  en:"Observed N days"
-- column f2        int     ja:"F2人数"  en:"Bought again"
-- column rate      rate    ja:"F2転換率"  en:"F2 rate"
-- column immature  bool    ja:"観測途中"  en:"Still open"
SELECT
    cohort.cohort,
    CAST(horizon.n AS BIGINT) AS days,
    cohort.buyers,
    CAST(CASE horizon.n WHEN 30 THEN old_30 WHEN 60 THEN old_60 WHEN 90 THEN old_90 ELSE old_180 END AS BIGINT) AS matured,
    CAST(CASE horizon.n WHEN 30 THEN f2_30 WHEN 60 THEN f2_60 WHEN 90 THEN f2_90 ELSE f2_180 END AS BIGINT) AS f2,
    CAST(CASE horizon.n WHEN 30 THEN f2_30 WHEN 60 THEN f2_60 WHEN 90 THEN f2_90 ELSE f2_180 END AS DOUBLE)
        / nullif(CASE horizon.n WHEN 30 THEN old_30 WHEN 60 THEN old_60 WHEN 90 THEN old_90 ELSE old_180 END, 0) AS rate,
    cohort.youngest < horizon.n AS immature
FROM (
    -- One row per cohort first: four horizons would make four rows of every customer.
    SELECT
        cohort, count(*) AS buyers, min(age) AS youngest,
        sum(CASE WHEN age >= 30 THEN 1 ELSE 0 END) AS old_30,
        sum(CASE WHEN age >= 60 THEN 1 ELSE 0 END) AS old_60,
        sum(CASE WHEN age >= 90 THEN 1 ELSE 0 END) AS old_90,
        sum(CASE WHEN age >= 180 THEN 1 ELSE 0 END) AS old_180,
        sum(CASE WHEN age >= 30 AND gap <= 30 THEN 1 ELSE 0 END) AS f2_30,
        sum(CASE WHEN age >= 60 AND gap <= 60 THEN 1 ELSE 0 END) AS f2_60,
        sum(CASE WHEN age >= 90 AND gap <= 90 THEN 1 ELSE 0 END) AS f2_90,
        sum(CASE WHEN age >= 180 AND gap <= 180 THEN 1 ELSE 0 END) AS f2_180
    FROM (
        SELECT
            month_start(first_ordered_on) AS cohort,
            days_between(first_ordered_on, $today) AS age,
            days_between(first_ordered_on, second_ordered_on) AS gap
        FROM customer_facts
    ) AS buyer
    GROUP BY cohort
) AS cohort
CROSS JOIN (VALUES (30), (60), (90), (180)) AS horizon (n)
ORDER BY cohort, days
