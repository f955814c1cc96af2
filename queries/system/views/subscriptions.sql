-- Subscriptions
--
-- The current revision of each subscription contract (定期).
--
-- column occurred_at       instant ja:"発生日時"  en:"Occurred at"
-- column known_at          instant ja:"判明日時"  en:"Known at"
-- column ingested_at       instant ja:"取込日時"  en:"Ingested at"
-- column subscription_id   text    ja:"定期契約番号"  en:"Subscription"
-- column revision_id       text    ja:"版"  en:"Revision"
-- column source            text    ja:"取込元"  en:"Source"
-- column customer_id       text    ja:"会員ID"  en:"Customer"
-- column plan              text    ja:"コース"  en:"Plan"
-- column product_id        text    ja:"商品ID"  en:"Product"
-- column status            text    ja:"状態"  en:"Status"
-- column started_on        date    ja:"開始日"  en:"Started on"
-- column next_shipment_on  date    ja:"次回お届け日"  en:"Next shipment"
-- column interval_days     int     ja:"お届け間隔（日）"  en:"Interval in days"
-- column shipments         int     ja:"お届け回数"  en:"Shipments"
-- column amount            money   ja:"1回の金額"  en:"Amount per shipment"
-- column ended_on          date    ja:"終了日"  en:"Ended on"
-- column reason            text    ja:"解約理由"  en:"Reason"
SELECT
    this.occurred_at, this.known_at, this.ingested_at, this.subscription_id, this.revision_id, this.source,
    coalesce(who.survivor_id, this.customer_id) AS customer_id, this.plan, this.product_id, this.status,
    this.started_on, this.next_shipment_on, this.interval_days, this.shipments, this.amount, this.ended_on,
    this.reason
FROM subscriptions_history AS this
LEFT JOIN survivors AS who ON who.customer_id = this.customer_id
WHERE NOT EXISTS (
    SELECT 1
    FROM subscriptions_history AS later
    WHERE later.source = this.source AND later.subscription_id = this.subscription_id
      AND (later.occurred_at > this.occurred_at
        OR (later.occurred_at = this.occurred_at AND later.position > this.position)))
