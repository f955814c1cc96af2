-- Shipments
--
-- The current state of each shipment.
--
-- column occurred_at      instant ja:"発生日時"  en:"Occurred at"
-- column known_at         instant ja:"判明日時"  en:"Known at"
-- column ingested_at      instant ja:"取込日時"  en:"Ingested at"
-- column shipment_id      text    ja:"お届け番号"  en:"Shipment"
-- column revision_id      text    ja:"版"  en:"Revision"
-- column source           text    ja:"取込元"  en:"Source"
-- column customer_id      text    ja:"会員ID"  en:"Customer"
-- column subscription_id  text    ja:"定期契約番号"  en:"Subscription"
-- column order_id         text    ja:"注文番号"  en:"Order"
-- column count            int     ja:"回数"  en:"Shipment no."
-- column status           text    ja:"状態"  en:"Status"
-- column planned_on       date    ja:"予定日"  en:"Planned on"
-- column shipped_at       instant ja:"出荷日時"  en:"Shipped at"
-- column delivered_at     instant ja:"配達日時"  en:"Delivered at"
SELECT
    this.occurred_at, this.known_at, this.ingested_at, this.shipment_id, this.revision_id, this.source,
    coalesce(who.survivor_id, this.customer_id) AS customer_id, this.subscription_id, this.order_id, this.count,
    this.status, this.planned_on, this.shipped_at, this.delivered_at
FROM shipments_history AS this
LEFT JOIN survivors AS who ON who.customer_id = this.customer_id
WHERE NOT EXISTS (
    SELECT 1
    FROM shipments_history AS later
    WHERE later.source = this.source AND later.shipment_id = this.shipment_id
      AND (later.occurred_at > this.occurred_at
        OR (later.occurred_at = this.occurred_at AND later.position > this.position)))
