-- Win-back steps
-- ja 休眠掘り起こし（段階別）
--
-- Customers who have not bought for a while, with how far they are: step 1 from `first` days on, step 2 from `second`, step 3 from `third`, up
-- to `days_max`. Whoever has an active subscription is not dormant and not in it.
-- ja しばらく購入のない会員を、最終購入からの日数で3段階に分けます。定期を継続中の会員は含みません。
--
-- param first    int = 60
-- param second   int = 90
-- param third    int = 180
-- param days_max int = 365
-- column customer_id      text   ja:"会員ID"  en:"Customer"
-- column step             int    ja:"段階"  en:"Step"
-- column days_since       int    ja:"最終購入からの日数"  en:"Days since last purchase"
-- column last_ordered_on  date   ja:"最終購入日"  en:"Last purchase"
-- column orders           int    ja:"注文数"  en:"Orders"
-- column net_revenue      money  ja:"純売上"  en:"Net revenue"
SELECT
    buyer.customer_id,
    CASE
        WHEN days_between(buyer.last_ordered_on, $today) >= $third THEN 3
        WHEN days_between(buyer.last_ordered_on, $today) >= $second THEN 2
        ELSE 1
    END AS step,
    days_between(buyer.last_ordered_on, $today) AS days_since, buyer.last_ordered_on, buyer.orders, buyer.net_revenue
FROM customer_facts AS buyer
LEFT JOIN (SELECT DISTINCT customer_id FROM contracts WHERE status = 'active') AS running
    ON running.customer_id = buyer.customer_id
WHERE buyer.last_ordered_on <= add_days($today, 0 - $first)
  AND buyer.last_ordered_on >= add_days($today, 0 - $days_max)
  AND running.customer_id IS NULL
ORDER BY buyer.customer_id
