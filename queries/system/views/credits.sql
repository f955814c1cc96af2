-- Credits
--
-- Shares of orders, under every model and version. Pages read `current_credits`.
--
-- column occurred_at    instant ja:"発生日時"  en:"Occurred at"
-- column known_at       instant ja:"判明日時"  en:"Known at"
-- column ingested_at    instant ja:"取込日時"  en:"Ingested at"
-- column order_id       text    ja:"注文番号"  en:"Order"
-- column revision_id    text    ja:"改訂ID"  en:"Revision"
-- column touch_id       text    ja:"接触ID"  en:"Touch"
-- column send_id        text    ja:"配信ID"  en:"Send"
-- column customer_id    text    ja:"会員ID"  en:"Customer"
-- column scenario       text    ja:"シナリオ"  en:"Scenario"
-- column channel        text    ja:"チャネル"  en:"Channel"
-- column model          text    ja:"貢献モデル"  en:"Model"
-- column model_version  text    ja:"モデル版"  en:"Model version"
-- column gross          money   ja:"総売上"  en:"Gross"
-- column net            money   ja:"純売上"  en:"Net"
-- column booked_on      date    ja:"計上日"  en:"Booked on"
-- column ordered_at     instant ja:"注文日時"  en:"Ordered at"
SELECT
    occurred_at, known_at, ingested_at, order_id, revision_id, touch_id, send_id,
    coalesce(who.survivor_id, this.customer_id) AS customer_id, scenario, channel, model, model_version, gross, net,
    booked_on, ordered_at
FROM credits_history AS this
LEFT JOIN survivors AS who ON who.customer_id = this.customer_id
