-- Days between purchases
--
-- By what day which share had come back. `completed` looks only at gaps that ended in a purchase, and so reads too short; `all_gaps`
-- (Kaplan-Meier) also counts those still waiting, for as long as they have, and is empty where so many never came back; `first_gap` is
-- the gap from the first to the second purchase among the eventual repeaters of two years ago and earlier, which is what dormancy rests on.
--
-- column share      rate  ja:"割合"  en:"Share"
-- column completed  int   ja:"再購入した人の間隔（日）"  en:"Completed gaps, days"
-- column all_gaps   int   ja:"待っている人も含む間隔（日）"  en:"All gaps, days"
-- column first_gap  int   ja:"初回から2回目まで（日）"  en:"First to second, days"
SELECT
    wanted.share,
    min(CASE WHEN curve.events_to >= wanted.share * curve.events_total - 1e-9 THEN curve.gap END) AS completed,
    min(CASE WHEN curve.survival <= 1 - wanted.share + 1e-12 THEN curve.gap END) AS all_gaps,
    min(CASE WHEN curve.first_to >= wanted.share * curve.first_total - 1e-9 THEN curve.gap END) AS first_gap
FROM (
    SELECT
        gap,
        sum(events) OVER (ORDER BY gap) AS events_to, nullif(sum(events) OVER (), 0) AS events_total,
        sum(firsts) OVER (ORDER BY gap) AS first_to, nullif(sum(firsts) OVER (), 0) AS first_total,
        CASE WHEN max(CASE WHEN events = at_risk THEN 1 ELSE 0 END) OVER (ORDER BY gap) = 1 THEN CAST(0 AS DOUBLE)
            ELSE exp(coalesce(sum(CASE WHEN events < at_risk THEN ln(1 - CAST(events AS DOUBLE) / at_risk) END) OVER (ORDER BY gap), 0))
        END AS survival
    FROM (
        SELECT gap, events, firsts, sum(events + open) OVER (ORDER BY gap DESC) AS at_risk
        FROM (
            SELECT
                days_between(ordered_on, coalesce(next_on, $today)) AS gap,
                count(next_on) AS events,
                count(*) - count(next_on) AS open,
                sum(CASE WHEN nth = 1 AND next_on IS NOT NULL AND days_between(ordered_on, $today) >= 730 THEN 1 ELSE 0 END) AS firsts
            FROM (
                SELECT nth, ordered_on, lead(ordered_on) OVER (PARTITION BY customer_id ORDER BY ordered_on) AS next_on
                FROM purchase_days
            ) AS purchase
            GROUP BY days_between(ordered_on, coalesce(next_on, $today))
        ) AS counted
    ) AS risk
) AS curve
CROSS JOIN (VALUES (0.1), (0.25), (0.5), (0.75), (0.8), (0.9), (0.95)) AS wanted (share)
GROUP BY wanted.share
ORDER BY wanted.share
