-- Subscriptions of one customer
--
-- Each subscription contract (定期) as the shop's system last stated it.
--
-- param customer text
-- column subscription_id   text   ja:"定期契約番号"  en:"Subscription"
-- column source            text   ja:"取得元"  en:"Source"
-- column plan              text   ja:"コース"  en:"Plan"
-- column product_id        text   ja:"商品ID"  en:"Product"
-- column status            text   ja:"状態"  en:"Status"
-- column started_on        date   ja:"開始日"  en:"Started on"
-- column next_shipment_on  date   ja:"次回お届け日"  en:"Next shipment"
-- column interval_days     int    ja:"お届け間隔（日）"  en:"Interval in days"
-- column shipments         int    ja:"お届け回数"  en:"Shipments"
-- column amount            money  ja:"金額"  en:"Amount"
-- column ended_on          date   ja:"終了日"  en:"Ended on"
-- column reason            text   ja:"理由"  en:"Reason"
SELECT
    subscription_id, source, plan, product_id, status, started_on, next_shipment_on, interval_days, shipments,
    amount, ended_on, reason
FROM subscriptions
WHERE customer_id = $customer
ORDER BY started_on, subscription_id, source
