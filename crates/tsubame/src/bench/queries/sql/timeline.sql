-- All that is known of one customer, the newest first, as a shop's own tables tell it.
SELECT kind, what, happened_at
FROM (
    SELECT 'order' AS kind, status AS what, ordered_at AS happened_at FROM orders WHERE customer_id = $customer
    UNION ALL
    SELECT 'event' AS kind, name AS what, occurred_at AS happened_at FROM events WHERE customer_id = $customer
    UNION ALL
    SELECT 'send' AS kind, scenario AS what, accepted_at AS happened_at FROM sends WHERE customer_id = $customer
) AS happening
ORDER BY happened_at DESC, kind, what
LIMIT 50
