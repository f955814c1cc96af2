-- Customer facts to be kept
--
-- The relation `customer_facts`, by customer, from the purchase days that were just kept.
--
-- column customer_id        text    ja:"会員ID"  en:"Customer"
-- column first_ordered_on   date    ja:"初回購入日"  en:"First purchase"
-- column second_ordered_on  date    ja:"2回目購入日"  en:"Second purchase"
-- column last_ordered_on    date    ja:"最終購入日"  en:"Last purchase"
-- column orders             int     ja:"注文数"  en:"Orders"
-- column purchase_days      int     ja:"購入日数"  en:"Purchase days"
-- column discounted_orders  int     ja:"値引注文数"  en:"Discounted orders"
-- column gross_revenue      money   ja:"総売上"  en:"Gross revenue"
-- column net_revenue        money   ja:"純売上"  en:"Net revenue"
SELECT
    customer_id,
    min(ordered_on) AS first_ordered_on,
    min(CASE WHEN nth = 2 THEN ordered_on END) AS second_ordered_on,
    max(ordered_on) AS last_ordered_on,
    CAST(sum(orders) AS BIGINT) AS orders,
    count(*) AS purchase_days,
    CAST(sum(discounted_orders) AS BIGINT) AS discounted_orders,
    CAST(sum(gross) AS DECIMAL(18, 4)) AS gross_revenue,
    CAST(sum(net) AS DECIMAL(18, 4)) AS net_revenue
FROM purchase_days
GROUP BY customer_id
ORDER BY customer_id
