-- Permissions as they became known
--
-- Every fact that says who may be written to: addresses come and gone, consents given and taken, suppressions and their end, customers who
-- turned out to be somebody else's earlier self. In the order in which they became known. `assumed` is a fact that came in more than a day
-- after the moment from which it is said to have been known: an import said so.
--
-- column what         text    ja:"種類"  en:"What"
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column place        text    ja:"チャネル・連絡先の種類"  en:"Channel or kind"
-- column detail       text    ja:"目的・理由・統合先"  en:"Purpose, reason, hash or survivor"
-- column is_on        bool    ja:"有効"  en:"In force"
-- column changed_at   instant ja:"変更日時"  en:"Changed at"
-- column seen_at      instant ja:"判明日時"  en:"Seen at"
-- column assumed      bool    ja:"判明日時は推定"  en:"Assumed"
SELECT what, customer_id, place, detail, is_on, changed_at, greatest(occurred_at, known_at) AS seen_at,
    known_at < ingested_at - INTERVAL '1' DAY AS assumed
FROM (
    SELECT 'contact' AS what, customer_id, kind AS place, address_hash AS detail, active AS is_on, changed_at, occurred_at, known_at,
        ingested_at, position
    FROM contacts_history
    UNION ALL
    SELECT 'consent', customer_id, channel, purpose, state = 'granted', changed_at, occurred_at, known_at, ingested_at, position
    FROM consents_history
    UNION ALL
    SELECT 'suppression', customer_id, channel, reason, active, changed_at, occurred_at, known_at, ingested_at, position
    FROM suppressions_history
    UNION ALL
    SELECT 'link', from_id, kind, survivor_id, linked, changed_at, occurred_at, known_at, ingested_at, position
    FROM identities_history
    WHERE kind = 'customer'
) AS said
ORDER BY seen_at, changed_at, position
