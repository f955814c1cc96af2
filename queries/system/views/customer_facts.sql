-- Customer facts
--
-- What each buyer's purchases add up to: values that depend on no other customer and on no clock. Customers without a
-- purchase have no row. The second purchase is on a later shop day than the first.
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
    second_min(ordered_on) AS second_ordered_on,
    max(ordered_on) AS last_ordered_on,
    CAST(sum(orders) AS BIGINT) AS orders,
    count(*) AS purchase_days,
    CAST(sum(discounted_orders) AS BIGINT) AS discounted_orders,
    CAST(sum(gross) AS DECIMAL(18, 4)) AS gross_revenue,
    CAST(sum(net) AS DECIMAL(18, 4)) AS net_revenue
FROM (
    SELECT
        customer_id, ordered_on, count(*) AS orders, sum(CASE WHEN discount > 0 THEN 1 ELSE 0 END) AS discounted_orders,
        sum(gross) AS gross, sum(net) AS net
    FROM purchases
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id, ordered_on
) AS day
GROUP BY customer_id
