-- Purchase days to be kept
--
-- The relation `purchase_days`, by customer and day.
--
-- column customer_id          text   ja:"会員ID"  en:"Customer"
-- column ordered_on           date   ja:"注文日"  en:"Ordered on"
-- column nth                  int    ja:"購入回"  en:"Nth purchase"
-- column orders               int    ja:"注文数"  en:"Orders"
-- column discounted_orders    int    ja:"値引注文数"  en:"Discounted orders"
-- column gross                money  ja:"総売上"  en:"Gross"
-- column net                  money  ja:"純売上"  en:"Net"
-- column refunded             money  ja:"返金"  en:"Refunded"
-- column first_ordered_on     date   ja:"初回購入日"  en:"First purchase"
-- column previous_ordered_on  date   ja:"前回購入日"  en:"Previous purchase"
-- column next_ordered_on      date   ja:"次回購入日"  en:"Next purchase"
SELECT
    customer_id, ordered_on, nth, orders, discounted_orders, gross, net, refunded, first_ordered_on, previous_ordered_on,
    next_ordered_on
FROM purchase_days
ORDER BY customer_id, ordered_on
