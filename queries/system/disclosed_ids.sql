-- Ids of one person
--
-- The customers who were merged into one, and the browsers tied to any of them, by the last word on each.
--
-- param customer text
-- column kind        text     ja:"種類"  en:"Kind"
-- column from_id     text     ja:"元のID"  en:"From"
-- column rule        text     ja:"根拠"  en:"Rule"
-- column source      text     ja:"取得元"  en:"Source"
-- column evidence    text     ja:"証跡"  en:"Evidence"
-- column changed_at  instant  ja:"変更日時"  en:"Changed at"
SELECT link.kind, link.from_id, link.rule, link.source, link.evidence, link.changed_at
FROM identities AS link
LEFT JOIN survivors AS who ON who.customer_id = link.survivor_id
WHERE coalesce(who.survivor_id, link.survivor_id) = $customer
ORDER BY link.kind, link.changed_at, link.from_id
