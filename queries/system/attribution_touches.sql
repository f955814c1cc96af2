-- Touches to attribute to
--
-- Every touch, in the order of the customer and of time.
--
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
ORDER BY customer_id, touched_at, sent_at, send_id, touch_id
