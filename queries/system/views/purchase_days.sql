-- Purchase days
--
-- The days on which a customer bought: orders of one shop day are one purchase. `nth` is 1 for F1, 2 for F2, and so on. The previous day
-- is empty for the first, the next for the last.
--
-- column customer_id          text   ja:"会員ID"  en:"Customer"
-- column ordered_on           date   ja:"注文日"  en:"Ordered on"
-- column nth                  int    ja:"購入回"  en:"Nth purchase"
-- column orders               int    ja:"注文数"  en:"Orders"
-- column discounted_orders    int    ja:"値引注文数"  en:"Discounted orders"
-- column gross                money  ja:"総売上"  en:"Gross"
-- column net                  money  ja:"純売上"  en:"Net"
-- column refunded             money  ja:"返金"  en:"Refunded"
-- column first_ordered_on     date   ja:"初回購入日"  en:"First purchase"
-- column previous_ordered_on  date   ja:"前回購入日"  en:"Previous purchase"
-- column next_ordered_on      date   ja:"次回購入日"  en:"Next purchase"
SELECT
    customer_id, ordered_on, row_at - start_at + 1 AS nth, orders, discounted_orders, gross, net, refunded,
    add_days(CAST('1970-01-01' AS DATE), start_day) AS first_ordered_on,
    CASE WHEN row_at > start_at THEN previous_on END AS previous_ordered_on,
    CASE WHEN next_id = customer_id THEN next_on END AS next_ordered_on
FROM (
    SELECT
        customer_id, ordered_on, orders, discounted_orders, gross, net, refunded, row_at, previous_on, next_id, next_on,
        start / 1000000 AS start_at, start % 1000000 - 200000 AS start_day
    FROM (
        SELECT
            customer_id, ordered_on, orders, discounted_orders, gross, net, refunded, row_at, previous_on, next_id, next_on,
            -- The last row so far at which a customer begins, and its day, as one number that only rises.
            max(CASE WHEN previous_id IS NULL OR previous_id <> customer_id
                THEN row_at * 1000000 + days_between(CAST('1970-01-01' AS DATE), ordered_on) + 200000 END)
                OVER (ORDER BY customer_id, ordered_on ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS start
        FROM (
            -- One pass over all customers in order: a window per customer costs most where each partition is one customer.
            SELECT
                customer_id, ordered_on, orders, discounted_orders, gross, net, refunded,
                CAST(row_number() OVER (ORDER BY customer_id, ordered_on) AS BIGINT) AS row_at,
                lag(customer_id) OVER (ORDER BY customer_id, ordered_on) AS previous_id,
                lag(ordered_on) OVER (ORDER BY customer_id, ordered_on) AS previous_on,
                lead(customer_id) OVER (ORDER BY customer_id, ordered_on) AS next_id,
                lead(ordered_on) OVER (ORDER BY customer_id, ordered_on) AS next_on
            FROM (
                SELECT
                    customer_id, ordered_on, count(*) AS orders,
                    CAST(sum(CASE WHEN discount > 0 THEN 1 ELSE 0 END) AS BIGINT) AS discounted_orders,
                    CAST(sum(gross) AS DECIMAL(18, 4)) AS gross,
                    CAST(sum(net) AS DECIMAL(18, 4)) AS net,
                    CAST(sum(refunded) AS DECIMAL(18, 4)) AS refunded
                FROM purchases
                WHERE customer_id IS NOT NULL
                GROUP BY customer_id, ordered_on
            ) AS days
        ) AS neighbours
    ) AS running
) AS numbered
