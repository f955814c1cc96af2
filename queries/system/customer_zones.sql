-- Time zones of customers
--
-- Every zone that was ever stated of a customer: `timezone` among the attributes of a profile, an IANA name. Most have none; the last one counts.
--
-- column customer_id  text     ja:"会員ID"  en:"Customer"
-- column occurred_at  instant  ja:"発生日時"  en:"Occurred at"
-- column known_at     instant  ja:"判明日時"  en:"Known at"
-- column timezone     text     ja:"タイムゾーン"  en:"Time zone"
SELECT customer_id, occurred_at, known_at, json_text(attributes, 'timezone') AS timezone
FROM customers_history
WHERE strpos(attributes, '"timezone"') > 0 AND json_text(attributes, 'timezone') IS NOT NULL
ORDER BY customer_id, occurred_at, position
