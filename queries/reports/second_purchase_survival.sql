-- Time to the second purchase (Kaplan-Meier)
--
-- The share of first buyers who have bought on a later day, by days since their first purchase. Buyers who have not are counted for as
-- long as they have been observed, no longer; on one day purchases come before ends of observation. The interval is 95 %
-- (Greenwood, log-log), and empty where nobody or everybody has bought again. The curve ends where observation does: what
-- lies behind is not known. `median_days` is when half have bought again, empty while they have not. Who bought before the data begins is
-- taken for a first buyer at the first order in it: choose `from` a year after the data begins.
--
-- param from date = 1900-01-01
-- param to   date = 2200-01-01
-- param days int  = 730
-- column day          int    ja:"初回購入からの日数"  en:"Days since first purchase"
-- column at_risk      int    ja:"観測人数"  en:"At risk"
-- column events       int    ja:"2回目購入人数"  en:"Bought again"
-- column censored     int    ja:"観測終了人数"  en:"Observation ended"
-- column converted    rate   ja:"F2転換率（推定）"  en:"Bought again by then"
-- column low          rate   ja:"下限"  en:"Low"
-- column high         rate   ja:"上限"  en:"High"
-- column se           float  ja:"標準誤差"  en:"Standard error"
-- column median_days  int    ja:"中央値（日）"  en:"Median in days"
SELECT
    day, at_risk, events, censored, converted,
    CASE WHEN survival > 0 AND survival < 1 THEN 1 - power(survival, exp(0 - theta)) END AS low,
    CASE WHEN survival > 0 AND survival < 1 THEN 1 - power(survival, exp(theta)) END AS high,
    CASE WHEN survival > 0 THEN survival * sqrt(variance) END AS se,
    median_days
FROM (
    SELECT
        day, at_risk, events, censored, survival, 1 - survival AS converted, variance,
        CASE WHEN survival > 0 AND survival < 1 THEN 1.959963984540054 * sqrt(variance) / abs(ln(survival)) END AS theta,
        -- A product of logarithms may miss a half by its last digit.
        min(CASE WHEN survival <= 0.5 + 1e-12 THEN day END) OVER () AS median_days
    FROM (
        SELECT
            day, at_risk, events, censored,
            -- Once everybody at risk has bought, nobody is left, and the logarithm below has no value.
            CASE WHEN max(CASE WHEN events = at_risk THEN 1 ELSE 0 END) OVER (ORDER BY day) = 1 THEN CAST(0 AS DOUBLE)
                ELSE exp(sum(CASE WHEN events < at_risk THEN ln(1 - CAST(events AS DOUBLE) / at_risk) END) OVER (ORDER BY day))
            END AS survival,
            sum(CASE WHEN events < at_risk THEN CAST(events AS DOUBLE) / (CAST(at_risk AS DOUBLE) * (at_risk - events)) END)
                OVER (ORDER BY day) AS variance
        FROM (
            SELECT
                day, events, censored,
                CAST(sum(events + censored) OVER (ORDER BY day DESC) AS BIGINT) AS at_risk
            FROM (
                SELECT
                    coalesce(days_between(first_ordered_on, second_ordered_on), days_between(first_ordered_on, $today)) AS day,
                    count(second_ordered_on) AS events,
                    count(*) - count(second_ordered_on) AS censored
                FROM customer_facts
                WHERE first_ordered_on >= $from AND first_ordered_on < $to
                GROUP BY coalesce(days_between(first_ordered_on, second_ordered_on), days_between(first_ordered_on, $today))
            ) AS counted
        ) AS risk
    ) AS product
) AS curve
WHERE day <= $days
ORDER BY day
