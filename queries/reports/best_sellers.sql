-- Best sellers
--
-- The products sold most in the `days` before `to` (today where not given, which is not over and does not count), ranked in their category
-- and in the whole shop, beside their rank in the same number of days before. `by` is amount, quantity or buyers. `former_rank` is
-- empty for what did not sell then; equal figures share a rank.
--
-- param days     int  = 30
-- param to       date = 2200-01-01
-- param by       text = "amount"  ja:"並べ方（amount・quantity・buyers）" en:"Ranked by (amount, quantity, buyers)"
-- param category text = ""
-- param top      int  = 10  ja:"何位まで" en:"Ranks"
-- column category     text   ja:"カテゴリ"  en:"Category"
-- column rank         int    ja:"順位"  en:"Rank"
-- column former_rank  int    ja:"前期間の順位"  en:"Former rank"
-- column rise         int    ja:"順位変動"  en:"Rise"
-- column product_id   text   ja:"商品ID"  en:"Product"
-- column name         text   ja:"商品名"  en:"Name"
-- column amount       money  ja:"明細金額"  en:"Amount"
-- column quantity     int    ja:"数量"  en:"Quantity"
-- column buyers       int    ja:"購入者数"  en:"Buyers"
-- column shop_rank    int    ja:"全体順位"  en:"Rank in the shop"
SELECT
    category, rank, former_rank, former_rank - rank AS rise, product_id, name, CAST(amount AS DECIMAL(18, 4)) AS amount, quantity, buyers,
    shop_rank
FROM (
    SELECT
        category, product_id, name, amount, quantity, buyers,
        CAST(rank() OVER (PARTITION BY category ORDER BY now DESC) AS BIGINT) AS rank,
        CASE WHEN former > 0 THEN CAST(rank() OVER (PARTITION BY category ORDER BY former DESC) AS BIGINT) END AS former_rank,
        CAST(rank() OVER (ORDER BY now DESC) AS BIGINT) AS shop_rank,
        now
    FROM (
        SELECT
            product_id, name, category, amount, quantity, buyers,
            CASE $by WHEN 'quantity' THEN CAST(quantity AS DOUBLE) WHEN 'buyers' THEN CAST(buyers AS DOUBLE) ELSE CAST(amount AS DOUBLE) END
                AS now,
            CASE $by
                WHEN 'quantity' THEN CAST(former_quantity AS DOUBLE)
                WHEN 'buyers' THEN CAST(former_buyers AS DOUBLE)
                ELSE CAST(former_amount AS DOUBLE)
            END AS former
        FROM (
            -- A row per product and buyer first: distinct counts beside sums are slow.
            SELECT
                product_id, max(name) AS name, max(category) AS category,
                sum(amount) AS amount, CAST(sum(quantity) AS BIGINT) AS quantity, CAST(sum(bought) AS BIGINT) AS buyers,
                sum(former_amount) AS former_amount, CAST(sum(former_quantity) AS BIGINT) AS former_quantity,
                CAST(sum(former_bought) AS BIGINT) AS former_buyers
            FROM (
                SELECT
                    product_id, max(name) AS name, max(coalesce(category, '-')) AS category,
                    sum(CASE WHEN is_now THEN amount ELSE 0 END) AS amount,
                    sum(CASE WHEN is_now THEN quantity ELSE 0 END) AS quantity,
                    max(CASE WHEN is_now AND customer_id IS NOT NULL THEN 1 ELSE 0 END) AS bought,
                    sum(CASE WHEN is_now THEN 0 ELSE amount END) AS former_amount,
                    sum(CASE WHEN is_now THEN 0 ELSE quantity END) AS former_quantity,
                    max(CASE WHEN NOT is_now AND customer_id IS NOT NULL THEN 1 ELSE 0 END) AS former_bought
                FROM (
                    SELECT
                        product_id, name, category, customer_id, quantity, amount,
                        ordered_on >= add_days(least($to, $today), 0 - $days) AS is_now
                    FROM purchase_lines
                    WHERE product_id IS NOT NULL AND ordered_on >= add_days(least($to, $today), 0 - 2 * $days)
                      AND ordered_on < least($to, $today)
                ) AS line
                GROUP BY product_id, customer_id
            ) AS buyer
            GROUP BY product_id
        ) AS product
    ) AS measured
) AS ranked
WHERE now > 0 AND rank <= $top AND ($category = '' OR category = $category)
ORDER BY category, rank, product_id
