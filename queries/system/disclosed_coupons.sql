-- Coupons of one customer
--
-- The codes that messages told the customer, and the order that each was used for, as of the last night.
--
-- param customer text
-- column code        text     ja:"コード"  en:"Code"
-- column send_id     text     ja:"配信ID"  en:"Send"
-- column scenario    text     ja:"シナリオ"  en:"Scenario"
-- column step        text     ja:"ステップ"  en:"Step"
-- column channel     text     ja:"チャネル"  en:"Channel"
-- column issued_at   instant  ja:"発行日時"  en:"Issued at"
-- column expires_on  date     ja:"有効期限"  en:"Expires on"
-- column order_id    text     ja:"注文番号"  en:"Order"
-- column ordered_at  instant  ja:"注文日時"  en:"Ordered at"
SELECT
    issued.code, issued.send_id, issued.scenario, issued.step, issued.channel, issued.issued_at, issued.expires_on,
    used.order_id, used.ordered_at
FROM (SELECT * FROM coupons WHERE customer_id = $customer) AS issued
LEFT JOIN (SELECT send_id, order_id, ordered_at FROM coupon_uses WHERE customer_id = $customer) AS used
    ON used.send_id = issued.send_id
ORDER BY issued.issued_at, issued.send_id, used.order_id
