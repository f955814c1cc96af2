-- Members of an audience
--
-- Who is in the latest evaluation of a segment and who left since the one before. At most 1,000 rows; those who changed
-- come first.
--
-- param segment text
-- column customer_id      text    ja:"会員ID"  en:"Customer"
-- column change           text    ja:"変化"  en:"Change"
-- column change_ja        text    ja:"変化（日本語）"  en:"Change (Japanese)"
-- column change_en        text    ja:"変化（英語）"  en:"Change (English)"
-- column orders           int     ja:"注文数"  en:"Orders"
-- column net_revenue      money   ja:"純売上"  en:"Net revenue"
-- column last_ordered_on  date    ja:"最終購入日"  en:"Last purchase"
SELECT
    member.customer_id,
    CASE WHEN member.now = 0 THEN 'removed' WHEN member.before = 0 THEN 'added' ELSE 'kept' END AS change,
    CASE WHEN member.now = 0 THEN '除外' WHEN member.before = 0 THEN '追加' ELSE '継続' END AS change_ja,
    CASE WHEN member.now = 0 THEN 'Removed' WHEN member.before = 0 THEN 'Added' ELSE 'Kept' END AS change_en,
    coalesce(facts.orders, 0) AS orders,
    coalesce(facts.net_revenue, CAST(0 AS DECIMAL(18, 4))) AS net_revenue,
    facts.last_ordered_on
FROM (
    SELECT
        member.customer_id,
        max(CASE WHEN evaluation.age = 1 THEN 1 ELSE 0 END) AS now,
        max(CASE WHEN evaluation.age = 2 THEN 1 ELSE 0 END) AS before
    FROM audience_runs AS evaluation
    JOIN audiences AS member ON member.run_id = evaluation.run_id AND member.segment = evaluation.segment
    WHERE evaluation.segment = $segment AND evaluation.age <= 2
    GROUP BY member.customer_id
) AS member
LEFT JOIN customer_facts AS facts ON facts.customer_id = member.customer_id
ORDER BY CASE WHEN member.now = 1 AND member.before = 1 THEN 1 ELSE 0 END, change, member.customer_id
LIMIT 1000
