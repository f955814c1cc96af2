-- Steps from one purchase to the next (F1 to F9)
--
-- Of those who made their n-th purchase at least `days` days ago, the share who bought again within `days` days of it. Orders of
-- one day are one purchase. Whoever made it later is not counted, above or below the line. Gaps are those of the counted who
-- bought again in time; their median is the lower one. Rates rise from step to step because the loyal are left, not because a step makes
-- anybody loyal. Who bought before the data begins is counted from the first order in it: give the data a year before believing early steps.
--
-- param days  int = 90
-- param steps int = 8  ja:"何回目まで" en:"Steps"
-- column step        int    ja:"購入回"  en:"From purchase"
-- column next_step   int    ja:"次の購入回"  en:"To purchase"
-- column reached     int    ja:"到達人数"  en:"Reached"
-- column eligible    int    ja:"観測済み人数"  en:"Observed N days"
-- column converted   int    ja:"次回購入人数"  en:"Bought again in time"
-- column rate        rate   ja:"転換率"  en:"Rate"
-- column median_gap  int    ja:"購入間隔の中央値（日）"  en:"Median gap in days"
SELECT
    step, step + 1 AS next_step, reached, eligible, converted,
    CAST(converted AS DOUBLE) / nullif(eligible, 0) AS rate,
    median_gap
FROM (
    SELECT
        step,
        CAST(sum(customers) AS BIGINT) AS reached,
        CAST(sum(CASE WHEN ripe = 1 THEN customers ELSE 0 END) AS BIGINT) AS eligible,
        CAST(max(up_to) AS BIGINT) AS converted,
        min(CASE WHEN 2 * up_to >= total THEN gap END) AS median_gap
    FROM (
        -- `gap` is that of purchases observed long enough and repeated in time, and empty for all others.
        SELECT
            step, ripe, gap, customers,
            sum(CASE WHEN gap IS NULL THEN 0 ELSE customers END) OVER (PARTITION BY step) AS total,
            CASE WHEN gap IS NULL THEN 0 ELSE sum(customers) OVER (PARTITION BY step, gap IS NULL ORDER BY gap) END AS up_to
        FROM (
            SELECT step, ripe, CASE WHEN ripe = 1 AND gap <= $days THEN gap END AS gap, count(*) AS customers
            FROM (
                SELECT
                    nth AS step,
                    CASE WHEN days_between(ordered_on, $today) >= $days THEN 1 ELSE 0 END AS ripe,
                    days_between(ordered_on, next_ordered_on) AS gap
                FROM purchase_days
            ) AS purchase
            WHERE step <= $steps
            GROUP BY step, ripe, CASE WHEN ripe = 1 AND gap <= $days THEN gap END
        ) AS counted
    ) AS ranked
    GROUP BY step
) AS summed
ORDER BY step
