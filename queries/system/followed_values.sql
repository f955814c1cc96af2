-- What each unit did
--
-- The value of `metric` for everybody of `exposed` whose window is over, zero for those it does not name, in the order of their ids.
--
-- column customer_id  text   ja:"会員ID"  en:"Customer"
-- column value        money  ja:"値"  en:"Value"
SELECT exposed.customer_id, CAST(coalesce(metric.value, 0) AS DECIMAL(18, 4)) AS value
FROM exposed
LEFT JOIN metric ON metric.customer_id = exposed.customer_id
WHERE exposed.mature
ORDER BY exposed.customer_id
