-- Touches
--
-- Contacts that may earn credit for an order.
--
-- column occurred_at   instant ja:"発生日時"  en:"Occurred at"
-- column known_at      instant ja:"判明日時"  en:"Known at"
-- column ingested_at   instant ja:"取込日時"  en:"Ingested at"
-- column touch_id      text    ja:"接触ID"  en:"Touch"
-- column customer_id   text    ja:"会員ID"  en:"Customer"
-- column send_id       text    ja:"配信ID"  en:"Send"
-- column scenario      text    ja:"シナリオ"  en:"Scenario"
-- column channel       text    ja:"チャネル"  en:"Channel"
-- column kind          text    ja:"種類"  en:"Kind"
-- column touched_at    instant ja:"接触日時"  en:"Touched at"
-- column sent_at       instant ja:"配信日時"  en:"Sent at"
-- column credit_until  instant ja:"計上期限"  en:"Credit until"
SELECT
    occurred_at, known_at, ingested_at, touch_id, coalesce(who.survivor_id, this.customer_id) AS customer_id, send_id,
    scenario, channel, kind, touched_at, sent_at, credit_until
FROM touches_history AS this
LEFT JOIN survivors AS who ON who.customer_id = this.customer_id
