-- Customer search
--
-- Customers whose id starts with `q`, at most 50, in the order of their ids. An empty `q` shows the first ones.
-- Who was merged is found as whom they became.
--
-- param q text = ""
-- column customer_id      text    ja:"会員ID"  en:"Customer"
-- column prefecture       text    ja:"都道府県"  en:"Prefecture"
-- column orders           int     ja:"注文数"  en:"Orders"
-- column net_revenue      money   ja:"純売上"  en:"Net revenue"
-- column last_ordered_on  date    ja:"最終購入日"  en:"Last purchase"
SELECT
    known.customer_id, profile.prefecture,
    coalesce(facts.orders, 0) AS orders,
    coalesce(facts.net_revenue, CAST(0 AS DECIMAL(18, 4))) AS net_revenue,
    facts.last_ordered_on
FROM (
    SELECT coalesce(who.survivor_id, named.customer_id) AS customer_id
    FROM (
        SELECT customer_id FROM customers_history WHERE starts_with(customer_id, $q)
        UNION
        SELECT customer_id FROM orders_history WHERE starts_with(customer_id, $q)
    ) AS named
    LEFT JOIN survivors AS who ON who.customer_id = named.customer_id
    GROUP BY coalesce(who.survivor_id, named.customer_id)
) AS known
LEFT JOIN customers AS profile ON profile.customer_id = known.customer_id
LEFT JOIN customer_facts AS facts ON facts.customer_id = known.customer_id
ORDER BY known.customer_id
LIMIT 50
