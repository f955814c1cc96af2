-- Net revenue per customer
--
-- What a customer spent after the exposure and not later than the end of the window, after discounts and everything
-- refunded up to `$as_of`; zero for those who bought nothing.
--
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column value        money   ja:"純売上"  en:"Net revenue"
SELECT exposed.customer_id, CAST(coalesce(sum(purchase.net), 0) AS DECIMAL(18, 4)) AS value
FROM exposed
LEFT JOIN purchases AS purchase
    ON purchase.customer_id = exposed.customer_id
    AND purchase.ordered_at > exposed.exposed_at
    AND purchase.ordered_at <= exposed.until
GROUP BY exposed.customer_id
