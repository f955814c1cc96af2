-- Bought recently
-- ja 最近購入した会員
--
-- Customers who bought in the last `days` days. To thank, or to leave out of a campaign.
-- ja 直近 `days` 日以内に購入した会員です。お礼の配信や、キャンペーンの除外に使います。
--
-- param days int = 30
-- column customer_id       text   ja:"会員ID"  en:"Customer"
-- column last_ordered_on   date   ja:"最終購入日"  en:"Last purchase"
-- column orders            int    ja:"注文数"  en:"Orders"
-- column net_revenue       money  ja:"純売上"  en:"Net revenue"
SELECT customer_id, last_ordered_on, orders, net_revenue
FROM customer_facts
WHERE last_ordered_on > add_days($today, 0 - $days)
ORDER BY customer_id
