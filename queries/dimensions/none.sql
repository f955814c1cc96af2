-- No dimension
--
-- Everybody is one slice.
--
-- column customer_id  text ja:"会員ID"  en:"Customer"
-- column value        text ja:"区分"  en:"Slice"
SELECT exposed.customer_id, CAST(NULL AS VARCHAR) AS value
FROM exposed
WHERE false
