-- Purchases
--
-- Orders that count as a purchase: completed, with money left after discounts and refunds. Cancelled, returned, zero-yen
-- and sample orders are none, unless the shop counts free orders ([definitions] count_free_orders = true). A guest's purchase has
-- no customer.
--
-- param count_free_orders bool = false
-- column order_id            text    ja:"注文番号"  en:"Order"
-- column source              text    ja:"取得元"  en:"Source"
-- column customer_id         text    ja:"会員ID"  en:"Customer"
-- column ordered_at          instant ja:"注文日時"  en:"Ordered at"
-- column ordered_on          date    ja:"注文日"  en:"Ordered on"
-- column gross               money   ja:"総売上"  en:"Gross"
-- column discount            money   ja:"値引"  en:"Discount"
-- column refunded            money   ja:"返金"  en:"Refunded"
-- column net                 money   ja:"純売上"  en:"Net"
-- column tax                 money   ja:"消費税"  en:"Tax"
-- column shipping            money   ja:"送料"  en:"Shipping"
-- column currency            text    ja:"通貨"  en:"Currency"
-- column coupon              text    ja:"クーポン"  en:"Coupon"
-- column sales_channel       text    ja:"販売チャネル"  en:"Sales channel"
-- column subscription_id     text    ja:"定期契約ID"  en:"Subscription"
-- column subscription_count  int     ja:"定期回数"  en:"Shipment no."
-- column send_id             text    ja:"配信ID"  en:"Send"
-- column shipped_on          date    ja:"出荷日"  en:"Shipped on"
SELECT
    order_id, source, customer_id, ordered_at, shop_day(ordered_at) AS ordered_on, gross, discount, refunded, net, tax,
    shipping, currency, coupon, sales_channel, subscription_id, subscription_count, send_id, shipped_on
FROM orders
WHERE status = 'completed' AND (net > 0 OR ($count_free_orders AND net = 0))
