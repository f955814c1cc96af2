-- Suppressions of one person
--
-- Every suppression, and when it was lifted (`active` is false), of the customer and of whoever was merged into them, oldest first.
--
-- param customer text
-- column customer_id  text     ja:"会員ID"  en:"Customer"
-- column channel      text     ja:"チャネル"  en:"Channel"
-- column reason       text     ja:"理由"  en:"Reason"
-- column active       bool     ja:"有効"  en:"Active"
-- column source       text     ja:"取得元"  en:"Source"
-- column changed_at   instant  ja:"変更日時"  en:"Changed at"
SELECT word.customer_id, word.channel, word.reason, word.active, word.source, word.changed_at
FROM suppressions_history AS word
LEFT JOIN survivors AS who ON who.customer_id = word.customer_id
WHERE coalesce(who.survivor_id, word.customer_id) = $customer
ORDER BY word.changed_at, word.channel, word.reason, word.customer_id
