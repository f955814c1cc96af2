-- Customer facts that changed
--
-- The facts of each customer that differ from the last revision kept, to be appended as the next one. A customer whose
-- purchases have all been cancelled gets one with zeros.
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
    coalesce(now.customer_id, kept.customer_id) AS customer_id,
    now.first_ordered_on, now.second_ordered_on, now.last_ordered_on,
    coalesce(now.orders, 0) AS orders,
    coalesce(now.purchase_days, 0) AS purchase_days,
    coalesce(now.discounted_orders, 0) AS discounted_orders,
    coalesce(now.gross_revenue, CAST(0 AS DECIMAL(18, 4))) AS gross_revenue,
    coalesce(now.net_revenue, CAST(0 AS DECIMAL(18, 4))) AS net_revenue
FROM customer_facts AS now
FULL JOIN (
    SELECT
        customer_id, first_ordered_on, second_ordered_on, last_ordered_on, orders, purchase_days, discounted_orders,
        gross_revenue, net_revenue
    FROM customer_facts_history
    WHERE position IN (SELECT max(position) FROM customer_facts_history GROUP BY customer_id)
) AS kept ON kept.customer_id = now.customer_id
WHERE kept.customer_id IS NULL
   OR (now.first_ordered_on IS DISTINCT FROM kept.first_ordered_on)
   OR (now.second_ordered_on IS DISTINCT FROM kept.second_ordered_on)
   OR (now.last_ordered_on IS DISTINCT FROM kept.last_ordered_on)
   OR coalesce(now.orders, 0) <> kept.orders
   OR coalesce(now.purchase_days, 0) <> kept.purchase_days
   OR coalesce(now.discounted_orders, 0) <> kept.discounted_orders
   OR coalesce(now.gross_revenue, CAST(0 AS DECIMAL(18, 4))) <> kept.gross_revenue
   OR coalesce(now.net_revenue, CAST(0 AS DECIMAL(18, 4))) <> kept.net_revenue
ORDER BY customer_id
