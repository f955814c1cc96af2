-- Bought once, no second purchase
-- ja 2回目の購入がない会員（F2候補）
--
-- Customers whose only purchase day is at least `days` and at most `days_max` days ago.
-- ja 購入日が1日だけで、それが `days`〜`days_max` 日前の会員です。
--
-- param days     int = 30
-- param days_max int = 3650
-- column customer_id       text    ja:"会員ID"  en:"Customer"
-- column first_ordered_on  date    ja:"初回購入日"  en:"First purchase"
-- column days_since        int     ja:"初回からの日数"  en:"Days since"
-- column net_revenue       money   ja:"純売上"  en:"Net revenue"
SELECT customer_id, first_ordered_on, days_between(first_ordered_on, $today) AS days_since, net_revenue
FROM customer_facts
WHERE second_ordered_on IS NULL
  AND first_ordered_on <= add_days($today, 0 - $days)
  AND first_ordered_on >= add_days($today, 0 - $days_max)
ORDER BY customer_id
