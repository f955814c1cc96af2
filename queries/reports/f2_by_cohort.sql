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
    buyer.cohort,
    CAST(horizon.n AS BIGINT) AS days,
    count(*) AS buyers,
    CAST(sum(CASE WHEN buyer.age >= horizon.n THEN 1 ELSE 0 END) AS BIGINT) AS matured,
    CAST(sum(CASE WHEN buyer.age >= horizon.n AND buyer.gap <= horizon.n THEN 1 ELSE 0 END) AS BIGINT) AS f2,
    CAST(sum(CASE WHEN buyer.age >= horizon.n AND buyer.gap <= horizon.n THEN 1 ELSE 0 END) AS DOUBLE)
        / nullif(sum(CASE WHEN buyer.age >= horizon.n THEN 1 ELSE 0 END), 0) AS rate,
    min(buyer.age) < horizon.n AS immature
FROM (
    SELECT
        CAST(date_trunc('month', first_ordered_on) AS DATE) AS cohort,
        days_between(first_ordered_on, $today) AS age,
        days_between(first_ordered_on, second_ordered_on) AS gap
    FROM customer_facts
) AS buyer
CROSS JOIN (VALUES (30), (60), (90), (180)) AS horizon (n)
GROUP BY buyer.cohort, horizon.n
ORDER BY cohort, days
