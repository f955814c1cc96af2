-- Second purchase (F2) by cohort, three ways
--
-- First buyers of each month who bought on a later day within `days` days. `naive` divides by all of them and reads too low while the
-- cohort is young; `matured_rate` takes only those observed `days` days, above and below the line; `km` (Kaplan-Meier) uses everybody for as
-- long as they were observed, with its 95 % interval (Greenwood, log-log) and the day by which half have bought again, empty until
-- then. Matured is empty while nobody has been observed that long; Kaplan-Meier while nobody was followed that long, which ends with the
-- second purchase, unless all have bought again. `observable` counts from the first day of the month. `early` says that some of these first
-- orders may not be the customer's first: the data begin less than a year before (or [definitions] states `first_orders_from`).
--
-- param days int = 90
-- column cohort        date  ja:"初回購入月"  en:"First purchase"
-- column buyers        int   ja:"初回購入者数"  en:"First buyers"
-- column naive         rate  ja:"単純"  en:"Naive"
-- column matured       int   ja:"観測済み人数"  en:"Observed N days"
-- column matured_rate  rate  ja:"観測済みのみ"  en:"Matured"
-- column km            rate  ja:"カプラン・マイヤー"  en:"Kaplan-Meier"
-- column low           rate  ja:"下限"  en:"Low"
-- column high          rate  ja:"上限"  en:"High"
-- column median_days   int   ja:"2回目までの中央値（日）"  en:"Median days to F2"
-- column observable    int   ja:"観測可能日数"  en:"Observable days"
-- column immature      bool  ja:"観測途中"  en:"Still open"
-- column early         bool  ja:"データ開始1年以内"  en:"First year of the data"
SELECT
    cohort, buyers, naive, matured, matured_rate,
    1 - survival AS km,
    CASE WHEN survival > 0 AND survival < 1 THEN 1 - power(survival, exp(0 - theta)) END AS low,
    CASE WHEN survival > 0 AND survival < 1 THEN 1 - power(survival, exp(theta)) END AS high,
    median_days, days_between(cohort, $today) AS observable, shortest < $days AS immature, early
FROM (
    SELECT
        cohort, buyers, naive, matured, matured_rate, median_days, shortest, early, survival,
        CASE WHEN survival > 0 AND survival < 1 THEN 1.959963984540054 * sqrt(variance) / abs(ln(survival)) END AS theta
    FROM (
        SELECT
            cohort,
            CAST(sum(people) AS BIGINT) AS buyers,
            CAST(sum(CASE WHEN day <= $days THEN events ELSE 0 END) AS DOUBLE) / sum(people) AS naive,
            CAST(sum(ripe) AS BIGINT) AS matured,
            CAST(sum(CASE WHEN day <= $days THEN ripe_events ELSE 0 END) AS DOUBLE) / nullif(sum(ripe), 0) AS matured_rate,
            -- Once everybody at risk has bought, nobody is left. A product of logarithms may miss a half by its last digit.
            min(CASE WHEN sure = 1 OR exp(log_survival) <= 0.5 + 1e-12 THEN day END) AS median_days,
            min(shortest) AS shortest,
            cohort < min(first_from) AS early,
            CASE
                WHEN max(CASE WHEN day <= $days THEN sure END) = 1 THEN CAST(0 AS DOUBLE)
                -- Whoever bought was followed no longer: the curve ends at the last day, not at the greatest age.
                WHEN max(day) < $days THEN NULL
                ELSE exp(coalesce(sum(CASE WHEN day <= $days THEN log_step END), 0))
            END AS survival,
            coalesce(sum(CASE WHEN day <= $days AND events < at_risk THEN CAST(events AS DOUBLE) / (CAST(at_risk AS DOUBLE) * (at_risk - events)) END), 0)
                AS variance
        FROM (
            SELECT
                cohort, day, people, events, ripe, ripe_events, shortest, first_from, at_risk, log_step,
                max(CASE WHEN events = at_risk THEN 1 ELSE 0 END) OVER (PARTITION BY cohort ORDER BY day) AS sure,
                sum(log_step) OVER (PARTITION BY cohort ORDER BY day) AS log_survival
            FROM (
                SELECT
                    cohort, day, people, events, ripe, ripe_events, shortest, first_from, at_risk,
                    CASE WHEN events < at_risk THEN ln(1 - CAST(events AS DOUBLE) / at_risk) END AS log_step
                FROM (
                    SELECT
                        cohort, day, people, events, ripe, ripe_events, shortest,
                        first_from,
                        CAST(sum(people) OVER (PARTITION BY cohort ORDER BY day DESC) AS BIGINT) AS at_risk
                    FROM (
                        -- How long each was observed without a second purchase, and whether it ended by one.
                        SELECT
                            cohort, coalesce(gap, age) AS day, count(*) AS people, count(gap) AS events,
                            sum(CASE WHEN age >= $days THEN 1 ELSE 0 END) AS ripe,
                            sum(CASE WHEN age >= $days AND gap IS NOT NULL THEN 1 ELSE 0 END) AS ripe_events,
                            min(age) AS shortest
                        FROM (
                            SELECT
                                month_start(first_ordered_on) AS cohort,
                                days_between(first_ordered_on, $today) AS age,
                                days_between(first_ordered_on, second_ordered_on) AS gap
                            FROM customer_facts
                        ) AS buyer
                        GROUP BY cohort, coalesce(gap, age)
                    ) AS counted
                    CROSS JOIN history_start
                ) AS risk
            ) AS stepped
        ) AS product
        GROUP BY cohort
    ) AS summed
) AS cohorts
ORDER BY cohort
