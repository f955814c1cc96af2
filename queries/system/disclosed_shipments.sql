-- Shipments to one customer
--
-- Each shipment as it was last stated.
--
-- param customer text
-- column shipment_id      text     ja:"お届け番号"  en:"Shipment"
-- column source           text     ja:"取得元"  en:"Source"
-- column subscription_id  text     ja:"定期契約番号"  en:"Subscription"
-- column order_id         text     ja:"注文番号"  en:"Order"
-- column count            int      ja:"回数"  en:"Shipment no."
-- column status           text     ja:"状態"  en:"Status"
-- column planned_on       date     ja:"予定日"  en:"Planned on"
-- column shipped_at       instant  ja:"出荷日時"  en:"Shipped at"
-- column delivered_at     instant  ja:"配達日時"  en:"Delivered at"
SELECT shipment_id, source, subscription_id, order_id, count, status, planned_on, shipped_at, delivered_at
FROM shipments
WHERE customer_id = $customer
ORDER BY planned_on, shipment_id, source
