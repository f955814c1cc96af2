-- Identifications
--
-- When somebody was identified in a browser, as the fact names them: by a link of the two, or by an event that names both.
--
-- column visitor_id   text    ja:"訪問者ID"  en:"Visitor"
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column occurred_at  instant ja:"発生日時"  en:"Occurred at"
-- column position     int     ja:"位置"  en:"Position"
SELECT from_id AS visitor_id, survivor_id AS customer_id, occurred_at, position
FROM identities_history
WHERE kind = 'visitor' AND linked
UNION ALL
SELECT visitor_id, customer_id, occurred_at, position
FROM events_history
WHERE visitor_id IS NOT NULL AND customer_id IS NOT NULL
