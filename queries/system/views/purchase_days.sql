-- Purchase days
--
-- The days on which a customer bought: orders of one shop day are one purchase. `nth` is 1 for F1, 2 for F2, and so on.
--
-- column customer_id  text    ja:"会員ID"  en:"Customer"
-- column ordered_on   date    ja:"注文日"  en:"Ordered on"
-- column nth          int     ja:"購入回"  en:"Nth purchase"
-- column orders       int     ja:"注文数"  en:"Orders"
-- column net          money   ja:"純売上"  en:"Net"
SELECT
    customer_id, ordered_on,
    CAST(row_number() OVER (PARTITION BY customer_id ORDER BY ordered_on) AS BIGINT) AS nth,
    orders, net
FROM (
    SELECT customer_id, ordered_on, count(*) AS orders, CAST(sum(net) AS DECIMAL(18, 4)) AS net
    FROM purchases
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id, ordered_on
) AS days
