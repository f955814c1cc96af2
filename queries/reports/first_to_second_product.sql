-- From the first product to the second
--
-- Which product the first purchase held, and which the second. Counted are those who first bought at least `days` days ago; the second
-- purchase is the next purchase day, within `days` days. `rate` is of all who began with the product, those who never came
-- back included. A purchase of several products counts for each.
--
-- param days int = 90
-- param min_customers int = 1  ja:"最少会員数" en:"Fewest customers"
-- param top int = 100
-- column product_id  text  ja:"初回商品ID"  en:"First product"
-- column name        text  ja:"初回商品名"  en:"Its name"
-- column next_id     text  ja:"2回目商品ID"  en:"Second product"
-- column next_name   text  ja:"2回目商品名"  en:"Name of the second"
-- column beginners   int   ja:"初回購入者数"  en:"Began with it"
-- column customers   int   ja:"2回目に購入した人数"  en:"Went on to it"
-- column rate        rate  ja:"割合"  en:"Share"
SELECT product_id, name, next_id, next_name, beginners, customers, CAST(customers AS DOUBLE) / beginners AS rate
FROM (
    SELECT
        began.product_id, max(began.name) AS name, second.product_id AS next_id, max(second.name) AS next_name,
        max(began.beginners) AS beginners, count(*) AS customers,
        row_number() OVER (ORDER BY count(*) DESC, max(began.beginners), began.product_id, second.product_id) AS place
    FROM (
        SELECT product_id, customer_id, name, count(*) OVER (PARTITION BY product_id) AS beginners
        FROM (
            SELECT line.product_id, line.customer_id, max(line.name) AS name
            FROM purchase_lines AS line
            JOIN customer_facts AS buyer ON buyer.customer_id = line.customer_id AND buyer.first_ordered_on = line.ordered_on
            WHERE line.product_id IS NOT NULL AND days_between(buyer.first_ordered_on, $today) >= $days
            GROUP BY line.product_id, line.customer_id
        ) AS first_line
    ) AS began
    JOIN (
        SELECT line.product_id, line.customer_id, max(line.name) AS name
        FROM purchase_lines AS line
        JOIN customer_facts AS buyer ON buyer.customer_id = line.customer_id AND buyer.second_ordered_on = line.ordered_on
        WHERE line.product_id IS NOT NULL AND days_between(buyer.first_ordered_on, buyer.second_ordered_on) <= $days
        GROUP BY line.product_id, line.customer_id
    ) AS second ON second.customer_id = began.customer_id
    GROUP BY began.product_id, second.product_id
    HAVING count(*) >= $min_customers
) AS path
WHERE place <= $top
ORDER BY place
