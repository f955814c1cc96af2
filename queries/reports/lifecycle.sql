-- Customers by state
--
-- New (one purchase day), repeat (two or more), dormant (休眠) and lapsed (離脱) at the end of each month; the month that is not over is as
-- of today. How many days make dormant and lapsed, and why, is on the same page. An active subscriber is never dormant.
--
-- param months int = 12
-- column month      date  ja:"月"  en:"Month"
-- column state      text  ja:"状態コード"  en:"State code"
-- column state_ja   text  ja:"状態"  en:"State (Japanese)"
-- column state_en   text  ja:"状態（英語）"  en:"State"
-- column customers  int   ja:"会員数"  en:"Customers"
-- column share      rate  ja:"構成比"  en:"Share"
SELECT
    span.month, word.state, word.ja AS state_ja, word.en AS state_en,
    coalesce(held.customers, 0) AS customers,
    CAST(coalesce(held.customers, 0) AS DOUBLE) / nullif(sum(held.customers) OVER (PARTITION BY span.month), 0) AS share
FROM months_back AS span
CROSS JOIN lifecycle_states AS word
LEFT JOIN (
    SELECT back, state_after, count(*) AS customers
    FROM lifecycle_months
    WHERE back <= $months
    GROUP BY back, state_after
) AS held ON held.back = span.back AND held.state_after = word.state
WHERE span.back <= least($months, 24) AND word.place > 0
ORDER BY span.month, word.place
