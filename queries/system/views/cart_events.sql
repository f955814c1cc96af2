-- Events of carts
--
-- Changes of carts, and the orders that a site told of its visitors, as they came.
--
-- column position     int     ja:"位置"  en:"Position"
-- column occurred_at  instant ja:"発生日時"  en:"Occurred at"
-- column event_id     text    ja:"イベントID"  en:"Event"
-- column is_order     bool    ja:"注文"  en:"Order"
-- column cart_id      text    ja:"カートID"  en:"Cart"
-- column session_id   text    ja:"セッションID"  en:"Session"
-- column visitor_id   text    ja:"訪問者ID"  en:"Visitor"
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column order_id     text    ja:"注文番号"  en:"Order no."
-- column value        money   ja:"金額"  en:"Value"
SELECT
    position, occurred_at, event_id, name IN ('order_completed', 'order_placed') AS is_order, cart_id, session_id, visitor_id,
    customer_id, order_id, value
FROM events_history
WHERE name IN ('cart_updated', 'product_added', 'product_removed')
   OR (name IN ('order_completed', 'order_placed') AND visitor_id IS NOT NULL)
