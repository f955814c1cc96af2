-- Touches to attribute to
--
-- Every touch of those who have an order of which a revision arrived after `since` and up to `until`, or had; in the order of the customer and
-- of time.
--
-- param since instant
-- param until instant
-- column customer_id   text    ja:"会員ID"  en:"Customer"
-- column touch_id      text    ja:"接触ID"  en:"Touch"
-- column send_id       text    ja:"配信ID"  en:"Send"
-- column scenario      text    ja:"シナリオ"  en:"Scenario"
-- column channel       text    ja:"チャネル"  en:"Channel"
-- column kind          text    ja:"種類"  en:"Kind"
-- column touched_at    instant ja:"接触日時"  en:"Touched at"
-- column sent_at       instant ja:"配信日時"  en:"Sent at"
-- column credit_until  instant ja:"計上期限"  en:"Credit until"
SELECT customer_id, touch_id, send_id, scenario, channel, kind, touched_at, sent_at, credit_until
FROM touches
WHERE customer_id IN (
    SELECT coalesce(who.survivor_id, this.customer_id)
    FROM orders_history AS this
    LEFT JOIN survivors AS who ON who.customer_id = this.customer_id
    JOIN (
        SELECT DISTINCT source, order_id
        FROM orders_history
        WHERE greatest(ingested_at, known_at) > $since AND greatest(ingested_at, known_at) <= $until
    ) AS arrived ON arrived.source = this.source AND arrived.order_id = this.order_id
    WHERE this.customer_id IS NOT NULL)
ORDER BY customer_id, touched_at, sent_at, send_id, touch_id
