-- RFM scores as they changed
--
-- Every day on which a customer's score by thresholds (as in `customer_rfm`) became another, since the first purchase: a purchase, an
-- order that left the window, or a limit of R that was passed. `score` is 100 R + 10 F + M, 0 while no order is in the window. Where
-- the shop states no amounts, those that part the scores of M today part them on every day, so that nobody's score moves because others buy.
--
-- param rfm_days int = 730
-- param rfm_r5 int = 30
-- param rfm_r4 int = 90
-- param rfm_r3 int = 180
-- param rfm_r2 int = 365
-- param rfm_f5 int = 10
-- param rfm_f4 int = 5
-- param rfm_f3 int = 3
-- param rfm_f2 int = 2
-- param rfm_m5 money = 0
-- param rfm_m4 money = 0
-- param rfm_m3 money = 0
-- param rfm_m2 money = 0
-- column customer_id  text  ja:"会員ID"  en:"Customer"
-- column changed_on   date  ja:"変化日"  en:"Changed on"
-- column score        int   ja:"スコア"  en:"Score"
-- column previous     int   ja:"変化前のスコア"  en:"Score before"
SELECT customer_id, changed_on, score, coalesce(previous, 0) AS previous
FROM (
    SELECT customer_id, changed_on, score, lag(score) OVER (PARTITION BY customer_id ORDER BY changed_on) AS previous
    FROM (
        SELECT
            held.customer_id, held.changed_on,
            CASE WHEN held.orders = 0 THEN 0 ELSE
                100 * CASE
                    WHEN days_between(held.last_on, held.changed_on) <= $rfm_r5 THEN 5
                    WHEN days_between(held.last_on, held.changed_on) <= $rfm_r4 THEN 4
                    WHEN days_between(held.last_on, held.changed_on) <= $rfm_r3 THEN 3
                    WHEN days_between(held.last_on, held.changed_on) <= $rfm_r2 THEN 2 ELSE 1
                END
                + 10 * CASE
                    WHEN held.orders >= $rfm_f5 THEN 5 WHEN held.orders >= $rfm_f4 THEN 4 WHEN held.orders >= $rfm_f3 THEN 3
                    WHEN held.orders >= $rfm_f2 THEN 2 ELSE 1
                END
                + CASE
                    WHEN held.net >= amount.m5 THEN 5 WHEN held.net >= amount.m4 THEN 4 WHEN held.net >= amount.m3 THEN 3
                    WHEN held.net >= amount.m2 THEN 2 ELSE 1
                END
            END AS score
        FROM (
            SELECT
                customer_id, changed_on,
                CAST(sum(orders) OVER (PARTITION BY customer_id ORDER BY changed_on) AS BIGINT) AS orders,
                sum(net) OVER (PARTITION BY customer_id ORDER BY changed_on) AS net,
                max(bought_on) OVER (PARTITION BY customer_id ORDER BY changed_on) AS last_on
            FROM (
                -- What each purchase day does to the score: at once, when it leaves the window, and as it recedes.
                SELECT
                    customer_id, changed_on, max(CASE WHEN part = 1 THEN ordered_on END) AS bought_on,
                    sum(CASE part WHEN 1 THEN orders WHEN 2 THEN 0 - orders ELSE 0 END) AS orders,
                    sum(CASE part WHEN 1 THEN net WHEN 2 THEN 0 - net ELSE 0 END) AS net
                FROM (
                    SELECT
                        day.customer_id, day.ordered_on, day.orders, day.net, turn.part,
                        add_days(day.ordered_on, CASE turn.part
                            WHEN 1 THEN 0 WHEN 2 THEN $rfm_days WHEN 3 THEN $rfm_r5 + 1 WHEN 4 THEN $rfm_r4 + 1
                            WHEN 5 THEN $rfm_r3 + 1 ELSE $rfm_r2 + 1
                        END) AS changed_on
                    FROM (
                        SELECT customer_id, ordered_on, count(*) AS orders, sum(net) AS net
                        FROM purchases
                        WHERE customer_id IS NOT NULL
                        GROUP BY customer_id, ordered_on
                    ) AS day
                    CROSS JOIN (VALUES (1), (2), (3), (4), (5), (6)) AS turn (part)
                ) AS turned
                WHERE changed_on <= $today
                GROUP BY customer_id, changed_on
            ) AS moved
        ) AS held
        CROSS JOIN (
            SELECT
                CASE WHEN $rfm_m5 = 0 THEN min(CASE WHEN m >= 5 THEN net_revenue END) ELSE $rfm_m5 END AS m5,
                CASE WHEN $rfm_m5 = 0 THEN min(CASE WHEN m >= 4 THEN net_revenue END) ELSE $rfm_m4 END AS m4,
                CASE WHEN $rfm_m5 = 0 THEN min(CASE WHEN m >= 3 THEN net_revenue END) ELSE $rfm_m3 END AS m3,
                CASE WHEN $rfm_m5 = 0 THEN min(CASE WHEN m >= 2 THEN net_revenue END) ELSE $rfm_m2 END AS m2
            FROM customer_rfm
        ) AS amount
    ) AS scored
) AS stepped
WHERE score <> coalesce(previous, 0)
