-- Contactable
--
-- On which channels each customer may be written to for marketing, and if not, what is missing. `contactable` = an address, permission, and
-- nothing that forbids the channel. A push token is an address for both kinds of push.
--
-- column customer_id  text  ja:"会員ID"  en:"Customer"
-- column channel      text  ja:"チャネル"  en:"Channel"
-- column addressed    bool  ja:"連絡先あり"  en:"Has an address"
-- column consent      text  ja:"同意"  en:"Consent"
-- column opted_out    bool  ja:"配信停止の申し出"  en:"Opted out"
-- column bounced      bool  ja:"不達"  en:"Bounced"
-- column blocked      bool  ja:"その他の配信停止"  en:"Otherwise suppressed"
-- column contactable  bool  ja:"配信可"  en:"Contactable"
SELECT
    customer_id, channel,
    max(addressed) = 1 AS addressed,
    max(consent) AS consent,
    max(opted_out) = 1 OR coalesce(max(consent) = 'revoked', FALSE) AS opted_out,
    max(bounced) = 1 AS bounced,
    max(blocked) = 1 AS blocked,
    coalesce(max(addressed) = 1 AND max(consent) = 'granted' AND max(suppressed) = 0, FALSE) AS contactable
FROM (
    SELECT
        contact.customer_id, way.channel, 1 AS addressed, CAST(NULL AS VARCHAR) AS consent, 0 AS suppressed, 0 AS opted_out, 0 AS bounced,
        0 AS blocked
    FROM contacts AS contact
    JOIN (
        VALUES ('email', 'email'), ('line', 'line'), ('phone', 'sms'), ('push_token', 'web_push'), ('push_token', 'app_push')
    ) AS way (kind, channel) ON way.kind = contact.kind
    WHERE contact.active
    UNION ALL
    SELECT customer_id, channel, 0, state, 0, 0, 0, 0
    FROM consents
    WHERE purpose = 'marketing'
    UNION ALL
    SELECT
        customer_id, channel, 0, CAST(NULL AS VARCHAR), 1,
        CASE WHEN reason = 'opted_out' THEN 1 ELSE 0 END, CASE WHEN reason = 'bounced' THEN 1 ELSE 0 END,
        CASE WHEN reason IN ('opted_out', 'bounced') THEN 0 ELSE 1 END
    FROM suppressions
) AS said
GROUP BY customer_id, channel
