-- Week met
--
-- The shop week, by its Monday, in which somebody met the test: an effect that wears off shows here.
--
-- column customer_id  text ja:"会員ID"  en:"Customer"
-- column value        text ja:"区分"  en:"Slice"
SELECT
    customer_id,
    CAST(week_start(shop_day(exposed_at)) AS VARCHAR) AS value
FROM exposed
