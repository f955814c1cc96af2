-- Orders by day
--
-- The orders of a source by the shop day they were placed on: compared with what the shop itself has.
--
-- param source text
-- param from   date
-- param to     date
-- column order_id   text ja:"注文番号" en:"Order"
-- column ordered_on date ja:"注文日"   en:"Ordered on"
SELECT order_id, shop_day(ordered_at) AS ordered_on
FROM orders
WHERE source = $source AND shop_day(ordered_at) >= $from AND shop_day(ordered_at) < $to
ORDER BY ordered_on, order_id
