-- Identifications from a moment on
--
-- Those that may tell whose browser it was in which something happened at that moment or later.
--
-- param from_at instant
-- column visitor_id   text    ja:"訪問者ID"  en:"Visitor"
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column occurred_at  instant ja:"発生日時"  en:"Occurred at"
-- column position     int     ja:"位置"  en:"Position"
SELECT visitor_id, customer_id, occurred_at, position
FROM identifications
WHERE occurred_at >= $from_at
