-- Words on the channels of one customer
--
-- The addresses that the customer has (not which), the last word on marketing, and the suppressions in force, per channel. An address may serve
-- two channels.
--
-- param customer text
-- column channel     text    ja:"チャネル"  en:"Channel"
-- column kind        text    ja:"種類"  en:"Sort"
-- column what        text    ja:"内容"  en:"What"
-- column source      text    ja:"取得元"  en:"Source"
-- column wording     text    ja:"同意文言"  en:"Wording"
-- column evidence    text    ja:"証跡"  en:"Evidence"
-- column changed_at  instant ja:"変更日時"  en:"Changed at"
SELECT channel, kind, what, source, wording, evidence, changed_at
FROM (
    SELECT
        way.channel, 'address' AS kind, contact.kind AS what, contact.source, CAST(NULL AS VARCHAR) AS wording,
        CAST(NULL AS VARCHAR) AS evidence, contact.changed_at
    FROM contacts AS contact
    JOIN (
        VALUES ('email', 'email'), ('line', 'line'), ('phone', 'sms'), ('push_token', 'web_push'), ('push_token', 'app_push')
    ) AS way (kind, channel) ON way.kind = contact.kind
    WHERE contact.customer_id = $customer AND contact.active
    UNION ALL
    SELECT channel, 'consent', state, source, wording, evidence, changed_at
    FROM consents
    WHERE customer_id = $customer AND purpose = 'marketing'
    UNION ALL
    SELECT channel, 'suppression', reason, source, NULL, NULL, changed_at
    FROM suppressions
    WHERE customer_id = $customer
) AS word
ORDER BY channel, kind, changed_at, what
