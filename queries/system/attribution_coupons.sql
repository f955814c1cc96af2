-- Coupons to attribute
--
-- Every code that a message told its customer.
--
-- column code         text    ja:"コード"  en:"Code"
-- column send_id      text    ja:"配信ID"  en:"Send"
-- column scenario     text    ja:"シナリオ"  en:"Scenario"
-- column step         text    ja:"ステップ"  en:"Step"
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column channel      text    ja:"チャネル"  en:"Channel"
-- column issued_at    instant ja:"発行日時"  en:"Issued at"
-- column expires_on   date    ja:"有効期限"  en:"Expires on"
SELECT code, send_id, scenario, step, customer_id, channel, issued_at, expires_on
FROM coupons
ORDER BY issued_at, send_id
