-- Orders to attribute
--
-- Every revision of the orders of customers who have a touch, in the order of the customer, the time of the order, and
-- its revisions.
--
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column source       text    ja:"取得元"  en:"Source"
-- column order_id     text    ja:"注文番号"  en:"Order"
-- column revision_id  text    ja:"改訂ID"  en:"Revision"
-- column ordered_at   instant ja:"注文日時"  en:"Ordered at"
-- column revised_at   instant ja:"改訂日時"  en:"Revised at"
-- column arrived_at   instant ja:"到着日時"  en:"Arrived at"
-- column status       text    ja:"状態"  en:"Status"
-- column gross        money   ja:"総売上"  en:"Gross"
-- column net          money   ja:"純売上"  en:"Net"
-- column coupon       text    ja:"クーポン"  en:"Coupon"
-- column send_id      text    ja:"配信ID"  en:"Send"
SELECT
    customer_id, source, order_id, revision_id, ordered_at, occurred_at AS revised_at, greatest(ingested_at, known_at) AS arrived_at,
    status, gross, net, coupon, send_id
FROM orders_history
WHERE customer_id IN (SELECT customer_id FROM touches_history)
ORDER BY customer_id, ordered_at, source, order_id, occurred_at, position
