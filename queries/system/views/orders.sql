-- Orders
--
-- The current revision of each order: the one that happened last; of two at the same instant, the one that came in last.
--
-- column occurred_at         instant ja:"発生日時"  en:"Occurred at"
-- column known_at            instant ja:"判明日時"  en:"Known at"
-- column ingested_at         instant ja:"取込日時"  en:"Ingested at"
-- column order_id            text    ja:"注文番号"  en:"Order"
-- column revision_id         text    ja:"改訂ID"  en:"Revision"
-- column source              text    ja:"取得元"  en:"Source"
-- column customer_id         text    ja:"会員ID"  en:"Customer"
-- column ordered_at          instant ja:"注文日時"  en:"Ordered at"
-- column status              text    ja:"状態"  en:"Status"
-- column gross               money   ja:"総売上"  en:"Gross"
-- column discount            money   ja:"値引"  en:"Discount"
-- column refunded            money   ja:"返金"  en:"Refunded"
-- column net                 money   ja:"純売上"  en:"Net"
-- column tax                 money   ja:"消費税"  en:"Tax"
-- column shipping            money   ja:"送料"  en:"Shipping"
-- column fee                 money   ja:"手数料"  en:"Fees"
-- column points_used         money   ja:"ポイント利用"  en:"Paid with points"
-- column total               money   ja:"支払合計"  en:"Total"
-- column shipped_on          date    ja:"出荷日"  en:"Shipped on"
-- column currency            text    ja:"通貨"  en:"Currency"
-- column coupon              text    ja:"クーポン"  en:"Coupon"
-- column sales_channel       text    ja:"販売チャネル"  en:"Sales channel"
-- column subscription_id     text    ja:"定期契約ID"  en:"Subscription"
-- column subscription_count  int     ja:"定期回数"  en:"Shipment no."
-- column send_id             text    ja:"配信ID"  en:"Send"
SELECT
    this.occurred_at, this.known_at, this.ingested_at, this.order_id, this.revision_id, this.source,
    coalesce(who.survivor_id, this.customer_id) AS customer_id, this.ordered_at, this.status, this.gross,
    this.discount, this.refunded, this.net, this.tax, this.shipping, this.fee, this.points_used, this.total,
    this.shipped_on, this.currency, this.coupon, this.sales_channel, this.subscription_id, this.subscription_count,
    this.send_id
FROM orders_history AS this
LEFT JOIN survivors AS who ON who.customer_id = this.customer_id
WHERE NOT EXISTS (
    SELECT 1
    FROM orders_history AS later
    WHERE later.source = this.source AND later.order_id = this.order_id
      AND (later.occurred_at > this.occurred_at
        OR (later.occurred_at = this.occurred_at AND later.position > this.position)))
