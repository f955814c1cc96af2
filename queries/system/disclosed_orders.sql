-- Orders of one customer
--
-- Each order as it stands, whatever became of it, oldest first.
--
-- param customer text
-- column order_id            text     ja:"注文番号"  en:"Order"
-- column source              text     ja:"取得元"  en:"Source"
-- column ordered_at          instant  ja:"注文日時"  en:"Ordered at"
-- column status              text     ja:"状態"  en:"Status"
-- column gross               money    ja:"総売上"  en:"Gross"
-- column discount            money    ja:"値引"  en:"Discount"
-- column refunded            money    ja:"返金"  en:"Refunded"
-- column net                 money    ja:"純売上"  en:"Net"
-- column tax                 money    ja:"消費税"  en:"Tax"
-- column shipping            money    ja:"送料"  en:"Shipping"
-- column fee                 money    ja:"手数料"  en:"Fees"
-- column points_used         money    ja:"ポイント利用"  en:"Paid with points"
-- column total               money    ja:"支払合計"  en:"Total"
-- column shipped_on          date     ja:"出荷日"  en:"Shipped on"
-- column currency            text     ja:"通貨"  en:"Currency"
-- column coupon              text     ja:"クーポン"  en:"Coupon"
-- column sales_channel       text     ja:"販売チャネル"  en:"Sales channel"
-- column subscription_id     text     ja:"定期契約番号"  en:"Subscription"
-- column subscription_count  int      ja:"定期回数"  en:"Shipment no."
-- column send_id             text     ja:"配信ID"  en:"Send"
SELECT
    order_id, source, ordered_at, status, gross, discount, refunded, net, tax, shipping, fee, points_used, total,
    shipped_on, currency, coupon, sales_channel, subscription_id, subscription_count, send_id
FROM orders
WHERE customer_id = $customer
ORDER BY ordered_at, order_id, source
