-- Touches that arrived
--
-- What arrived after `since` and up to `until` and makes touches of messages that were sent: clicks by a person on every channel, openings by a person on
-- `opened_channels`, and deliveries on `delivered_channels` (names separated by commas), as providers tell them; and, of a message of
-- which its provider tells no clicks, the visits that its links led to, once per session. A visit by somebody else is none. How long
-- each may earn credit is the shop's setting.
--
-- param since              instant
-- param until              instant
-- param delivered_channels text = "sms"
-- param opened_channels    text = "app_push,web_push"
-- column contact_id   text    ja:"接触記録ID"  en:"Contact"
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column send_id      text    ja:"配信ID"  en:"Send"
-- column scenario     text    ja:"シナリオ"  en:"Scenario"
-- column channel      text    ja:"チャネル"  en:"Channel"
-- column kind         text    ja:"種類"  en:"Kind"
-- column touched_at   instant ja:"接触日時"  en:"Touched at"
-- column sent_at      instant ja:"配信日時"  en:"Sent at"
-- column known_at     instant ja:"判明日時"  en:"Known at"
WITH contact AS (
    SELECT receipt_id AS contact_id, send_id, kind, occurred_at AS touched_at, known_at,
        CAST(NULL AS VARCHAR) AS one_visitor, CAST(NULL AS VARCHAR) AS other_visitor
    FROM receipts_history
    WHERE greatest(ingested_at, known_at) > $since AND greatest(ingested_at, known_at) <= $until
      AND (kind = 'delivered' OR (kind IN ('clicked', 'opened') AND human))
    UNION ALL
    SELECT
        concat('visit ', send_id, ' ', coalesce(session_id, visitor_id, event_id)), send_id, 'clicked', min(occurred_at), min(known_at),
        min(customer_id), max(customer_id)
    FROM events AS event
    WHERE greatest(ingested_at, known_at) > $since AND greatest(ingested_at, known_at) <= $until
      AND send_id IS NOT NULL AND NOT EXISTS (
        SELECT 1
        FROM receipts_history AS told
        WHERE told.send_id = event.send_id AND told.kind = 'clicked' AND told.human)
    GROUP BY send_id, coalesce(session_id, visitor_id, event_id)
)
SELECT
    contact.contact_id, own.customer_id, contact.send_id, send.scenario, send.channel, contact.kind, contact.touched_at,
    coalesce(send.accepted_at, send.handed_at, send.due_at) AS sent_at, contact.known_at
FROM contact
JOIN sends AS send ON send.send_id = contact.send_id
-- Whose it was when it was sent: a merge may be undone.
JOIN (SELECT send_id, min(customer_id) AS customer_id FROM sends_history GROUP BY send_id) AS own ON own.send_id = contact.send_id
WHERE send.state <> 'ghost'
  AND (contact.one_visitor IS NULL OR (contact.one_visitor = send.customer_id AND contact.other_visitor = send.customer_id))
  AND (contact.kind = 'clicked'
    OR (contact.kind = 'opened' AND strpos(concat(',', $opened_channels, ','), concat(',', send.channel, ',')) > 0)
    OR (contact.kind = 'delivered' AND strpos(concat(',', $delivered_channels, ','), concat(',', send.channel, ',')) > 0))
ORDER BY own.customer_id, contact.touched_at, contact.contact_id
