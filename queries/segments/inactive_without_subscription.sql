-- No purchase and no subscription
-- ja 一定期間購入がなく定期もない会員
--
-- Customers who once bought, have not for `days` days, and have no active subscription.
-- ja 直近 `days` 日間に購入がなく、継続中の定期もない会員です。
--
-- param days int = 30
-- column customer_id      text   ja:"会員ID"  en:"Customer"
-- column last_ordered_on  date   ja:"最終購入日"  en:"Last purchase"
-- column days_since       int    ja:"最終購入からの日数"  en:"Days since last purchase"
-- column net_revenue      money  ja:"純売上"  en:"Net revenue"
SELECT
    buyer.customer_id, buyer.last_ordered_on, days_between(buyer.last_ordered_on, $today) AS days_since, buyer.net_revenue
FROM customer_facts AS buyer
LEFT JOIN (SELECT DISTINCT customer_id FROM subscriptions WHERE status = 'active') AS running
    ON running.customer_id = buyer.customer_id
WHERE buyer.last_ordered_on <= add_days($today, 0 - $days) AND running.customer_id IS NULL
ORDER BY buyer.customer_id
