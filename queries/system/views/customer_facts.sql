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
    day.customer_id,
    buyer.first_ordered_on,
    min(CASE WHEN day.ordered_on > buyer.first_ordered_on THEN day.ordered_on END) AS second_ordered_on,
    max(day.ordered_on) AS last_ordered_on,
    CAST(sum(day.orders) AS BIGINT) AS orders,
    count(*) AS purchase_days,
    CAST(sum(day.discounted_orders) AS BIGINT) AS discounted_orders,
    CAST(sum(day.gross) AS DECIMAL(18, 4)) AS gross_revenue,
    CAST(sum(day.net) AS DECIMAL(18, 4)) AS net_revenue
FROM (
    SELECT
        customer_id, ordered_on, count(*) AS orders, sum(CASE WHEN discount > 0 THEN 1 ELSE 0 END) AS discounted_orders,
        sum(gross) AS gross, sum(net) AS net
    FROM purchases
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id, ordered_on
) AS day
JOIN ( -- Joined back: a window function costs most where each partition is one customer.
    SELECT customer_id, min(ordered_on) AS first_ordered_on
    FROM purchases
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id
) AS buyer ON buyer.customer_id = day.customer_id
GROUP BY day.customer_id, buyer.first_ordered_on
