-- Orders to be kept
--
-- What kept values depend on, of every order at its last revision, under the customer whom the order names.
--
-- param count_free_orders bool = false
-- column source       text    ja:"取得元"  en:"Source"
-- column order_id     text    ja:"注文番号"  en:"Order"
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column occurred_at  instant ja:"発生日時"  en:"Occurred at"
-- column position     int     ja:"位置"  en:"Position"
-- column ordered_on   date    ja:"注文日"  en:"Ordered on"
-- column purchase     bool    ja:"購入"  en:"Purchase"
-- column discounted   bool    ja:"値引あり"  en:"Discounted"
-- column gross        money   ja:"総売上"  en:"Gross"
-- column net          money   ja:"純売上"  en:"Net"
-- column refunded     money   ja:"返金"  en:"Refunded"
SELECT
    source, order_id, customer_id, occurred_at, position, shop_day(ordered_at) AS ordered_on,
    status = 'completed' AND (net > 0 OR ($count_free_orders AND net = 0)) AS purchase,
    discount > 0 AS discounted, gross, net, refunded
FROM orders_history AS this
WHERE NOT EXISTS (
    SELECT 1
    FROM orders_history AS later
    WHERE later.source = this.source AND later.order_id = this.order_id
      AND (later.occurred_at > this.occurred_at
        OR (later.occurred_at = this.occurred_at AND later.position > this.position)))
