-- VIP
-- ja VIP会員
--
-- Customers in the top share by net revenue who bought on at least `purchase_days` days and last within `days` days.
-- ja 純売上が上位 `top` に入り、`purchase_days` 日以上購入し、直近 `days` 日以内にも購入のある会員です。
--
-- param top           float = 0.10
-- param purchase_days int   = 2
-- param days          int   = 365
-- column customer_id      text   ja:"会員ID"  en:"Customer"
-- column net_revenue      money  ja:"純売上"  en:"Net revenue"
-- column net_revenue_top  rate   ja:"純売上の上位割合"  en:"Top share by net revenue"
-- column orders           int    ja:"注文数"  en:"Orders"
-- column last_ordered_on  date   ja:"最終購入日"  en:"Last purchase"
SELECT customer_id, net_revenue, net_revenue_top, orders, last_ordered_on
FROM customer_ranks
WHERE net_revenue_top < $top AND purchase_days >= $purchase_days AND last_ordered_on > add_days($today, 0 - $days)
ORDER BY customer_id
