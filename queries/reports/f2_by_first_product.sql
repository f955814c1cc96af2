-- Second purchase (F2) by first product
--
-- Of those whose first purchase held a product, at least `days` days ago, the share who bought anything on a later day within `days` days.
-- A first purchase of several products counts for each, so customers do not add up.
--
-- param days int = 90
-- param min_customers int = 5  ja:"最少会員数" en:"Fewest customers"
-- column product_id  text   ja:"初回商品ID"  en:"First product"
-- column name        text   ja:"初回商品名"  en:"Its name"
-- column category    text   ja:"カテゴリ"  en:"Category"
-- column customers   int    ja:"観測済み人数"  en:"Observed N days"
-- column f2          int    ja:"F2人数"  en:"Bought again"
-- column rate        rate   ja:"F2転換率"  en:"F2 rate"
SELECT product_id, name, category, customers, f2, CAST(f2 AS DOUBLE) / customers AS rate
FROM (
    SELECT product_id, max(name) AS name, max(category) AS category, count(*) AS customers, CAST(sum(again) AS BIGINT) AS f2
    FROM (
        SELECT
            line.product_id, line.customer_id, max(line.name) AS name, max(line.category) AS category,
            max(CASE WHEN days_between(buyer.first_ordered_on, buyer.second_ordered_on) <= $days THEN 1 ELSE 0 END) AS again
        FROM purchase_lines AS line
        JOIN customer_facts AS buyer ON buyer.customer_id = line.customer_id AND buyer.first_ordered_on = line.ordered_on
        WHERE line.product_id IS NOT NULL AND days_between(buyer.first_ordered_on, $today) >= $days
        GROUP BY line.product_id, line.customer_id
    ) AS beginner
    GROUP BY product_id
    HAVING count(*) >= $min_customers
) AS product
ORDER BY customers DESC, product_id
