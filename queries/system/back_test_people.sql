-- Since when everybody is known
--
-- Each customer the shop knows by a profile or an order, and since when: the first that was heard of them.
--
-- column customer_id  text     ja:"会員ID"      en:"Customer"
-- column known_since  instant  ja:"判明日時"    en:"Known since"
SELECT coalesce(who.survivor_id, heard.customer_id) AS customer_id, min(greatest(heard.occurred_at, heard.known_at)) AS known_since
FROM (
    SELECT customer_id, occurred_at, known_at FROM customers_history
    UNION ALL
    SELECT customer_id, occurred_at, known_at FROM orders_history WHERE customer_id IS NOT NULL
) AS heard
LEFT JOIN survivors AS who ON who.customer_id = heard.customer_id
GROUP BY coalesce(who.survivor_id, heard.customer_id)
ORDER BY 1
