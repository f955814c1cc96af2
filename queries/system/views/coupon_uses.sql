-- Coupon uses
--
-- Orders that were placed with a message's own code: by whoever was told it (`by_owner`), or by somebody else, to whom it leaked. As seen by
-- the night that attributed the order; orders of nobody known are not among them.
--
-- column occurred_at  instant ja:"発生日時"  en:"Occurred at"
-- column known_at     instant ja:"判明日時"  en:"Known at"
-- column ingested_at  instant ja:"取込日時"  en:"Ingested at"
-- column code         text    ja:"コード"  en:"Code"
-- column send_id      text    ja:"配信ID"  en:"Send"
-- column scenario     text    ja:"シナリオ"  en:"Scenario"
-- column channel      text    ja:"チャネル"  en:"Channel"
-- column issued_at    instant ja:"発行日時"  en:"Issued at"
-- column source       text    ja:"取得元"  en:"Source"
-- column order_id     text    ja:"注文番号"  en:"Order"
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column ordered_at   instant ja:"注文日時"  en:"Ordered at"
-- column by_owner     bool    ja:"本人の利用"  en:"By its owner"
-- column in_time      bool    ja:"期限内"  en:"In time"
SELECT
    occurred_at, known_at, ingested_at, code, send_id, scenario, channel, issued_at, source, order_id,
    coalesce(who.survivor_id, this.customer_id) AS customer_id, ordered_at, by_owner, in_time
FROM coupon_uses_history AS this
LEFT JOIN survivors AS who ON who.customer_id = this.customer_id
