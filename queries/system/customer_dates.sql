-- Dates of customers
--
-- Every revision of the dates that scenarios go by, up to `$as_of`: birthdays, days of registration and of the first purchase, next
-- shipments of contracts, and shipments shipped and delivered. `names` says which, separated by commas. A revision without a day says
-- that there is none any more.
--
-- param names text
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column name         text    ja:"日付の種類"  en:"Date"
-- column of_what      text    ja:"対象"  en:"Of what"
-- column day          date    ja:"日付"  en:"Day"
-- column occurred_at  instant ja:"発生日時"  en:"Occurred at"
-- column known_at     instant ja:"判明日時"  en:"Known at"
SELECT customer_id, 'birthday' AS name, '' AS of_what, birthday AS day, occurred_at, known_at
FROM customers_history
WHERE strpos(concat(',', $names, ','), ',birthday,') > 0 AND birthday IS NOT NULL
UNION ALL
SELECT customer_id, 'registration', '', registered_on, occurred_at, known_at
FROM customers_history
WHERE strpos(concat(',', $names, ','), ',registration,') > 0 AND registered_on IS NOT NULL
UNION ALL
-- Of the orders that stand: one that was cancelled is nobody's first.
SELECT standing.customer_id, 'first_order', '', shop_day(min(standing.ordered_at)), min(standing.ordered_at), min(placed.known_at)
FROM purchases AS standing
JOIN (
    SELECT source, order_id, min(known_at) AS known_at
    FROM orders_history
    GROUP BY source, order_id
) AS placed ON placed.source = standing.source AND placed.order_id = standing.order_id
WHERE strpos(concat(',', $names, ','), ',first_order,') > 0 AND standing.customer_id IS NOT NULL
GROUP BY standing.customer_id
UNION ALL
SELECT
    customer_id, 'next_shipment', subscription_id, CASE WHEN status = 'active' THEN next_shipment_on END, occurred_at, known_at
FROM subscriptions_history
WHERE strpos(concat(',', $names, ','), ',next_shipment,') > 0 AND customer_id IS NOT NULL
UNION ALL
SELECT
    customer_id, 'shipped', coalesce(order_id, subscription_id, shipment_id),
    CASE WHEN status IN ('shipped', 'delivered') THEN shop_day(shipped_at) END, occurred_at, known_at
FROM shipments_history
WHERE strpos(concat(',', $names, ','), ',shipped,') > 0 AND customer_id IS NOT NULL
UNION ALL
SELECT
    customer_id, 'delivered', coalesce(order_id, subscription_id, shipment_id),
    CASE WHEN status = 'delivered' THEN shop_day(delivered_at) END, occurred_at, known_at
FROM shipments_history
WHERE strpos(concat(',', $names, ','), ',delivered,') > 0 AND customer_id IS NOT NULL
ORDER BY customer_id, name, of_what, occurred_at, known_at
