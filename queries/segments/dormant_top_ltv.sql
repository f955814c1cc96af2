-- Dormant, top 30 % by lifetime value
-- ja LTV上位30%の休眠会員
--
-- Customers whose last paid order is at least `days` old and whose net revenue ranks in the top share. `$as_of` (an
-- instant) and `$today` (its shop date) are given to every query.
-- ja 最終購入から `days` 日以上たち、純売上が上位 `top` に入る会員です。
--
-- param days int   = 150
-- param top  float = 0.30
-- column customer_id      text    ja:"会員ID"  en:"Customer"
-- column net_revenue      money   ja:"純売上"  en:"Net revenue"
-- column net_revenue_top  rate    ja:"純売上の上位割合"  en:"Top share by net revenue"
-- column last_ordered_on  date    ja:"最終購入日"  en:"Last purchase"
SELECT customer_id, net_revenue, net_revenue_top, last_ordered_on
FROM customer_ranks -- A view: customer_facts with ranks; top q = (count strictly greater) / n < q.
WHERE last_ordered_on <= add_days($today, 0 - $days) AND net_revenue_top < $top
ORDER BY customer_id
