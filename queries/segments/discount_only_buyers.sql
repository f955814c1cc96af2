-- Buy with discounts only
-- ja 割引でしか買わない会員
--
-- Customers with at least `orders` purchases, every one of them discounted.
-- ja `orders` 件以上購入し、そのすべてが値引・クーポン利用だった会員です。
--
-- param orders int = 2
-- column customer_id      text   ja:"会員ID"  en:"Customer"
-- column orders           int    ja:"注文数"  en:"Orders"
-- column net_revenue      money  ja:"純売上"  en:"Net revenue"
-- column last_ordered_on  date   ja:"最終購入日"  en:"Last purchase"
SELECT customer_id, orders, net_revenue, last_ordered_on
FROM customer_facts
WHERE orders >= $orders AND discounted_orders = orders
ORDER BY customer_id
