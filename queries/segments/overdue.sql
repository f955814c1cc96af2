-- Later than usual
-- ja いつもより間隔が空いている会員
--
-- Customers with at least `purchase_days` purchase days who are by `factor` later than their own average gap, and not yet later than `factor_max`
-- times: an early sign of dormancy, for each by their own rhythm.
-- ja 自分自身の平均購入間隔の `factor` 倍を過ぎても購入のない会員です。休眠の早期の兆候として使います。
--
-- param purchase_days int   = 3
-- param factor        float = 1.5
-- param factor_max    float = 4
-- column customer_id      text   ja:"会員ID"  en:"Customer"
-- column last_ordered_on  date   ja:"最終購入日"  en:"Last purchase"
-- column days_since       int    ja:"最終購入からの日数"  en:"Days since last purchase"
-- column own_gap          float  ja:"本人の平均購入間隔（日）"  en:"Own average gap in days"
-- column net_revenue      money  ja:"純売上"  en:"Net revenue"
SELECT customer_id, last_ordered_on, days_since, own_gap, net_revenue
FROM (
    SELECT
        customer_id, last_ordered_on, purchase_days, net_revenue, days_between(last_ordered_on, $today) AS days_since,
        CAST(days_between(first_ordered_on, last_ordered_on) AS DOUBLE) / nullif(purchase_days - 1, 0) AS own_gap
    FROM customer_facts
) AS rhythm
WHERE purchase_days >= $purchase_days AND days_since >= own_gap * $factor AND days_since < own_gap * $factor_max
ORDER BY customer_id
