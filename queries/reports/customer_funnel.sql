-- Customer funnel
--
-- People by how far they came from looking at a product to an order within `hours` of that look: cart after view, checkout after cart, order
-- after checkout, over any number of visits and devices on which we know them. The best of a person's attempts counts. A person is a
-- customer, or a browser that nobody was identified in within 30 days.
--
-- param from  date = 1900-01-01
-- param to    date = 2200-01-01
-- param hours int  = 24  ja:"ひとつながりとみなす時間" en:"Hours of one journey"
-- column step_no      int   ja:"順"  en:"No."
-- column step         text  ja:"段階"  en:"Step"
-- column step_ja      text  ja:"段階（日本語）"  en:"Step (Japanese)"
-- column step_en      text  ja:"段階（英語）"  en:"Step (English)"
-- column people       int   ja:"人数"  en:"People"
-- column rate         rate  ja:"閲覧比"  en:"Of viewed"
-- column of_previous  rate  ja:"前段階比"  en:"Of the step before"
SELECT
    step.step_no, step.step, step.step_ja, step.step_en,
    CAST(CASE step.step_no WHEN 1 THEN viewed WHEN 2 THEN carted WHEN 3 THEN checked_out ELSE ordered END AS BIGINT) AS people,
    CAST(CASE step.step_no WHEN 1 THEN viewed WHEN 2 THEN carted WHEN 3 THEN checked_out ELSE ordered END AS DOUBLE) / viewed AS rate,
    CAST(CASE step.step_no WHEN 1 THEN NULL WHEN 2 THEN carted WHEN 3 THEN checked_out ELSE ordered END AS DOUBLE)
        / nullif(CASE step.step_no WHEN 2 THEN viewed WHEN 3 THEN carted ELSE checked_out END, 0) AS of_previous
FROM (
    SELECT
        count(*) AS viewed,
        sum(CASE WHEN depth >= 2 THEN 1 ELSE 0 END) AS carted,
        sum(CASE WHEN depth >= 3 THEN 1 ELSE 0 END) AS checked_out,
        sum(CASE WHEN depth >= 4 THEN 1 ELSE 0 END) AS ordered
    FROM (
        SELECT
            person,
            max(CASE WHEN step = 4 AND at <= add_seconds(began_3, $hours * 3600) THEN 4 WHEN began_3 IS NOT NULL THEN 3 WHEN began_2 IS NOT NULL THEN 2 ELSE 1 END)
                AS depth
        FROM (
            -- `began_n`: the latest view from which step n was reached in time. The latest leaves most time for what is to come.
            SELECT
                person, at, step, began_2,
                max(CASE WHEN step = 3 AND at <= add_seconds(began_2, $hours * 3600) THEN began_2 END)
                    OVER (PARTITION BY person ORDER BY at, step) AS began_3
            FROM (
                SELECT
                    person, at, step,
                    max(CASE WHEN step = 2 AND at <= add_seconds(began, $hours * 3600) THEN began END)
                        OVER (PARTITION BY person ORDER BY at, step) AS began_2
                FROM (
                    SELECT person, at, step, max(CASE WHEN step = 1 THEN at END) OVER (PARTITION BY person ORDER BY at, step) AS began
                    FROM (
                        SELECT
                            coalesce('customer ' || customer_id, 'visitor ' || visitor_id) AS person, occurred_at AS at,
                            CASE WHEN name = 'product_viewed' THEN 1 WHEN name IN ('product_added', 'cart_updated') THEN 2 WHEN name = 'checkout_started' THEN 3 ELSE 4 END
                                AS step
                        FROM events_identified
                        WHERE (name IN ('product_viewed', 'product_added', 'checkout_started', 'order_completed', 'order_placed')
                                OR (name = 'cart_updated' AND value > 0))
                          AND occurred_at >= shop_midnight($from) AND occurred_at < shop_midnight($to)
                        UNION ALL
                        SELECT 'customer ' || customer_id AS person, ordered_at AS at, 4 AS step
                        FROM orders
                        WHERE customer_id IS NOT NULL AND ordered_at >= shop_midnight($from) AND ordered_at < shop_midnight($to)
                    ) AS happening
                    WHERE person IS NOT NULL
                ) AS from_view
                WHERE began IS NOT NULL
            ) AS from_cart
        ) AS from_checkout
        GROUP BY person
    ) AS walked
) AS total
CROSS JOIN (
    VALUES
        (1, 'viewed', '商品閲覧', 'Viewed'),
        (2, 'cart', 'カート', 'Cart'),
        (3, 'checkout', '購入手続き', 'Checkout'),
        (4, 'order', '注文', 'Order')
) AS step (step_no, step, step_ja, step_en)
WHERE total.viewed > 0
ORDER BY step.step_no
