-- Conversion
--
-- 1 for a customer who bought after the exposure and not later than the end of the window, else 0. An order that was
-- cancelled or wholly returned up to `$as_of` is no purchase.
--
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column value        int     ja:"購入"  en:"Converted"
SELECT exposed.customer_id, max(CASE WHEN purchase.order_id IS NOT NULL THEN 1 ELSE 0 END) AS value
FROM exposed
LEFT JOIN purchases AS purchase
    ON purchase.customer_id = exposed.customer_id
    AND purchase.ordered_at > exposed.exposed_at
    AND purchase.ordered_at <= exposed.until
GROUP BY exposed.customer_id
