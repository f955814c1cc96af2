-- Orders to attribute
--
-- Every revision of each order of which one arrived after `since` and up to `until`, where somebody has a claim to it: a customer with a
-- touch, whoever the order was before or is by now; a coupon, where messages have `issued` codes; whoever was credited before. In the
-- order of their time and their revisions.
--
-- param since  instant
-- param until  instant
-- param issued int = 0
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column source       text    ja:"取得元"  en:"Source"
-- column order_id     text    ja:"注文番号"  en:"Order"
-- column revision_id  text    ja:"改訂ID"  en:"Revision"
-- column ordered_at   instant ja:"注文日時"  en:"Ordered at"
-- column revised_at   instant ja:"改訂日時"  en:"Revised at"
-- column arrived_at   instant ja:"到着日時"  en:"Arrived at"
-- column status       text    ja:"状態"  en:"Status"
-- column gross        money   ja:"総売上"  en:"Gross"
-- column discount     money   ja:"値引"  en:"Discount"
-- column net          money   ja:"純売上"  en:"Net"
-- column coupon       text    ja:"クーポン"  en:"Coupon"
-- column send_id      text    ja:"配信ID"  en:"Send"
SELECT
    coalesce(who.survivor_id, this.customer_id) AS customer_id, this.source, this.order_id, this.revision_id, this.ordered_at,
    this.occurred_at AS revised_at, greatest(this.ingested_at, this.known_at) AS arrived_at, this.status, this.gross, this.discount, this.net,
    this.coupon, this.send_id
FROM orders_history AS this
LEFT JOIN survivors AS who ON who.customer_id = this.customer_id
JOIN (
    SELECT DISTINCT named.source, named.order_id
    FROM orders_history AS named
    JOIN (
        SELECT DISTINCT source, order_id
        FROM orders_history
        WHERE greatest(ingested_at, known_at) > $since AND greatest(ingested_at, known_at) <= $until
    ) AS arrived ON arrived.source = named.source AND arrived.order_id = named.order_id
    LEFT JOIN survivors AS whose ON whose.customer_id = named.customer_id
    LEFT JOIN (SELECT DISTINCT customer_id FROM touches) AS touched
        ON touched.customer_id = coalesce(whose.survivor_id, named.customer_id)
    LEFT JOIN (SELECT DISTINCT order_id FROM credits_history) AS credited ON credited.order_id = named.order_id
    WHERE touched.customer_id IS NOT NULL OR credited.order_id IS NOT NULL
       OR (named.customer_id IS NOT NULL AND named.coupon IS NOT NULL AND $issued > 0)
) AS wanted ON wanted.source = this.source AND wanted.order_id = this.order_id
ORDER BY this.ordered_at, this.source, this.order_id, this.occurred_at, this.position
