-- Customer facts to be kept
--
-- The relation `customer_facts`, by customer.
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
    customer_id, first_ordered_on, second_ordered_on, last_ordered_on, orders, purchase_days, discounted_orders,
    gross_revenue, net_revenue
FROM customer_facts
ORDER BY customer_id
