-- Coupons
--
-- Codes of their own that messages told their customers, one row per message. What became of them is in `coupon_uses`.
--
-- column occurred_at  instant ja:"発生日時"  en:"Occurred at"
-- column known_at     instant ja:"判明日時"  en:"Known at"
-- column ingested_at  instant ja:"取込日時"  en:"Ingested at"
-- column code         text    ja:"コード"  en:"Code"
-- column send_id      text    ja:"配信ID"  en:"Send"
-- column scenario     text    ja:"シナリオ"  en:"Scenario"
-- column step         text    ja:"ステップ"  en:"Step"
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column channel      text    ja:"チャネル"  en:"Channel"
-- column issued_at    instant ja:"発行日時"  en:"Issued at"
-- column expires_on   date    ja:"有効期限"  en:"Expires on"
SELECT
    occurred_at, known_at, ingested_at, code, send_id, scenario, step,
    coalesce(who.survivor_id, this.customer_id) AS customer_id, channel, issued_at, expires_on
FROM coupons_history AS this
LEFT JOIN survivors AS who ON who.customer_id = this.customer_id
