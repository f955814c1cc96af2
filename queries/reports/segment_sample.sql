-- Some members of a segment
--
-- Twenty of its members on the last night that was saved: those who came last first. Pages show a part of each id alone.
--
-- param segment text
-- column customer_id      text     ja:"会員ID"      en:"Customer"
-- column entered_at       instant  ja:"追加日時"    en:"Entered at"
-- column orders           int      ja:"注文数"      en:"Orders"
-- column net_revenue      money    ja:"純売上"      en:"Net revenue"
-- column last_ordered_on  date     ja:"最終購入日"  en:"Last purchase"
SELECT
    member.customer_id, member.entered_at, coalesce(facts.orders, 0) AS orders,
    coalesce(facts.net_revenue, CAST(0 AS DECIMAL(18, 4))) AS net_revenue, facts.last_ordered_on
FROM segment_members AS member
LEFT JOIN customer_facts AS facts ON facts.customer_id = member.customer_id
WHERE member.segment = $segment
ORDER BY member.entered_at DESC, member.customer_id
LIMIT 20
