-- Products bought again
--
-- Of those who first bought a product at least `days` days ago, the share who bought the same product again, on a later day within `days`
-- days. `gap_days` is the median, over all who ever bought it again, of a customer's own average gap: each customer counts once,
-- however often they buy. It is when a reminder is due. Products with fewer than `min_buyers` are left out.
--
-- param days       int = 180
-- param min_buyers int = 5  ja:"最少購入者数" en:"Fewest buyers"
-- column product_id  text   ja:"商品ID"  en:"Product"
-- column name        text   ja:"商品名"  en:"Name"
-- column category    text   ja:"カテゴリ"  en:"Category"
-- column buyers      int    ja:"購入者数"  en:"Buyers"
-- column observed    int    ja:"観測済み人数"  en:"Observed N days"
-- column repeated    int    ja:"再購入人数"  en:"Bought it again"
-- column rate        rate   ja:"再購入率"  en:"Repeat rate"
-- column gap_days    float  ja:"再購入間隔の中央値（日）"  en:"Median gap in days"
SELECT
    product_id, name, category, buyers, observed, repeated, CAST(repeated AS DOUBLE) / nullif(observed, 0) AS rate, gap_days
FROM (
    SELECT
        product_id, max(name) AS name, max(category) AS category,
        count(*) AS buyers,
        CAST(sum(CASE WHEN days_between(first_on, $today) >= $days THEN 1 ELSE 0 END) AS BIGINT) AS observed,
        CAST(sum(CASE WHEN days_between(first_on, $today) >= $days AND days_between(first_on, second_on) <= $days THEN 1 ELSE 0 END)
            AS BIGINT) AS repeated,
        median(CASE WHEN bought_days > 1 THEN CAST(days_between(first_on, last_on) AS DOUBLE) / (bought_days - 1) END) AS gap_days
    FROM (
        SELECT
            day.product_id, day.customer_id, buyer.first_on, max(day.name) AS name, max(day.category) AS category, count(*) AS bought_days,
            min(CASE WHEN day.ordered_on > buyer.first_on THEN day.ordered_on END) AS second_on,
            max(day.ordered_on) AS last_on
        FROM (
            SELECT product_id, customer_id, ordered_on, max(name) AS name, max(category) AS category
            FROM purchase_lines
            WHERE product_id IS NOT NULL AND customer_id IS NOT NULL
            GROUP BY product_id, customer_id, ordered_on
        ) AS day
        JOIN ( -- Joined back: a window function costs most where each partition is one customer.
            SELECT product_id, customer_id, min(ordered_on) AS first_on
            FROM purchase_lines
            WHERE product_id IS NOT NULL AND customer_id IS NOT NULL
            GROUP BY product_id, customer_id
        ) AS buyer ON buyer.product_id = day.product_id AND buyer.customer_id = day.customer_id
        GROUP BY day.product_id, day.customer_id, buyer.first_on
    ) AS bought
    GROUP BY product_id
) AS product
WHERE buyers >= $min_buyers
ORDER BY buyers DESC, product_id
