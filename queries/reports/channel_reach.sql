-- Reach by channel
--
-- How many customers we know on each channel, how many may be written to for marketing (an address, permission, nothing that forbids it), and what
-- the others lack. `reach` is the share of all customers we know.
--
-- column channel      text  ja:"チャネル"  en:"Channel"
-- column addressed    int   ja:"連絡先あり"  en:"With an address"
-- column opted_in     int   ja:"同意あり"  en:"Opted in"
-- column opted_out    int   ja:"配信停止・同意撤回"  en:"Opted out"
-- column bounced      int   ja:"不達"  en:"Bounced"
-- column blocked      int   ja:"ブロック・苦情など"  en:"Blocked or complained"
-- column silent       int   ja:"連絡先あり・同意未取得"  en:"Address, never asked"
-- column contactable  int   ja:"配信可"  en:"Contactable"
-- column reach        rate  ja:"到達率（全会員比）"  en:"Reach (of all customers)"
SELECT
    channel,
    CAST(sum(CASE WHEN addressed THEN 1 ELSE 0 END) AS BIGINT) AS addressed,
    CAST(sum(CASE WHEN consent = 'granted' THEN 1 ELSE 0 END) AS BIGINT) AS opted_in,
    CAST(sum(CASE WHEN opted_out THEN 1 ELSE 0 END) AS BIGINT) AS opted_out,
    CAST(sum(CASE WHEN bounced THEN 1 ELSE 0 END) AS BIGINT) AS bounced,
    CAST(sum(CASE WHEN blocked THEN 1 ELSE 0 END) AS BIGINT) AS blocked,
    CAST(sum(CASE WHEN addressed AND consent IS NULL AND NOT opted_out THEN 1 ELSE 0 END) AS BIGINT) AS silent,
    CAST(sum(CASE WHEN contactable THEN 1 ELSE 0 END) AS BIGINT) AS contactable,
    CAST(sum(CASE WHEN contactable THEN 1 ELSE 0 END) AS DOUBLE) / nullif(max(everybody.known), 0) AS reach
FROM contactable
CROSS JOIN (
    SELECT count(*) AS known
    FROM (
        SELECT customer_id FROM customers
        UNION
        SELECT customer_id FROM contactable
        UNION
        SELECT customer_id FROM customer_facts
    ) AS somebody
) AS everybody
GROUP BY channel
ORDER BY channel
