-- Consents of one person
--
-- Every permission that was ever given or taken back, with its evidence, of the customer and of whoever was merged into them, oldest first.
--
-- param customer text
-- column customer_id  text     ja:"会員ID"  en:"Customer"
-- column channel      text     ja:"チャネル"  en:"Channel"
-- column purpose      text     ja:"目的"  en:"Purpose"
-- column state        text     ja:"状態"  en:"State"
-- column source       text     ja:"取得元"  en:"Source"
-- column wording      text     ja:"同意文言"  en:"Wording"
-- column evidence     text     ja:"証跡"  en:"Evidence"
-- column changed_at   instant  ja:"変更日時"  en:"Changed at"
SELECT
    word.customer_id, word.channel, word.purpose, word.state, word.source, word.wording, word.evidence, word.changed_at
FROM consents_history AS word
LEFT JOIN survivors AS who ON who.customer_id = word.customer_id
WHERE coalesce(who.survivor_id, word.customer_id) = $customer
ORDER BY word.changed_at, word.channel, word.purpose, word.customer_id, word.state
