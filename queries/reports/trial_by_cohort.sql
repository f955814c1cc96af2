-- One-off buyers by cohort: what came next
--
-- Of those who began with a one-off order in a month and have been observed `days` days: whose next purchase day within `days` days is
-- a one-off one (単品F2), and who placed a first subscription order within `days` days (引上率). Rates are empty while nobody has been
-- observed that long; `immature` says that the cohort has others.
--
-- param days int = 90
-- column cohort        date  ja:"初回購入月"  en:"First purchase"
-- column buyers        int   ja:"単品での初回購入者"  en:"Began one-off"
-- column matured       int   ja:"観測済み人数"  en:"Observed N days"
-- column one_off_f2    int   ja:"単品F2人数"  en:"One-off second purchase"
-- column one_off_rate  rate  ja:"単品F2転換率"  en:"One-off F2 rate"
-- column pulled_up     int   ja:"引上人数"  en:"Subscribed"
-- column pulled_rate   rate  ja:"引上率"  en:"One-off to subscription"
-- column immature      bool  ja:"観測途中"  en:"Still open"
SELECT
    cohort, buyers, matured, one_off_f2,
    CAST(one_off_f2 AS DOUBLE) / nullif(matured, 0) AS one_off_rate,
    pulled_up,
    CAST(pulled_up AS DOUBLE) / nullif(matured, 0) AS pulled_rate,
    matured < buyers AS immature
FROM (
    SELECT
        month_start(first_ordered_on) AS cohort,
        count(*) AS buyers,
        CAST(sum(ripe) AS BIGINT) AS matured,
        CAST(sum(CASE WHEN NOT second_subscribed AND days_between(first_ordered_on, second_ordered_on) <= $days THEN ripe ELSE 0 END) AS BIGINT) AS one_off_f2,
        CAST(sum(CASE WHEN days_between(first_ordered_on, subscribed_on) <= $days THEN ripe ELSE 0 END) AS BIGINT) AS pulled_up
    FROM (
        SELECT
            first_ordered_on, second_ordered_on, second_subscribed, subscribed_on,
            CASE WHEN days_between(first_ordered_on, $today) >= $days THEN 1 ELSE 0 END AS ripe
        FROM first_purchases
        WHERE NOT first_subscribed
    ) AS buyer
    GROUP BY month_start(first_ordered_on)
) AS counted
ORDER BY cohort
