-- Known before
--
-- Whether somebody had bought before they met the test.
--
-- column customer_id  text ja:"会員ID"  en:"Customer"
-- column value        text ja:"区分"  en:"Slice"
SELECT
    exposed.customer_id,
    CASE WHEN max(purchase.ordered_at) IS NULL THEN 'new' ELSE 'bought before' END AS value
FROM exposed
LEFT JOIN purchases AS purchase
    ON purchase.customer_id = exposed.customer_id AND purchase.ordered_at < exposed.exposed_at
GROUP BY exposed.customer_id
