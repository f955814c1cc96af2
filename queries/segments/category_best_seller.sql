-- Best seller of their category
-- ja よく買うカテゴリの売れ筋ランキング
--
-- For customers who bought in the last `days` days: of the category they bought in most often, the product that sold most in the last `rank_days` days
-- (by amount) and that they never bought, with its rank in the category.
-- ja 直近 `days` 日以内の購入者に、最もよく買うカテゴリで直近 `rank_days` 日に最も売れ、本人がまだ買っていない商品と、その順位を付けます。
--
-- param days      int = 180
-- param rank_days int = 30
-- column customer_id   text  ja:"会員ID"  en:"Customer"
-- column category      text  ja:"カテゴリ"  en:"Category"
-- column product_id    text  ja:"商品ID"  en:"Product"
-- column product_name  text  ja:"商品名"  en:"Product name"
-- column rank          int   ja:"カテゴリ内順位"  en:"Rank in the category"
SELECT best.customer_id, best.category, best.product_id, best.product_name, best.rank
FROM (
    SELECT
        liked.customer_id, liked.category,
        first_value(seller.product_id ORDER BY seller.rank, seller.product_id) AS product_id,
        first_value(seller.name ORDER BY seller.rank, seller.product_id) AS product_name,
        min(seller.rank) AS rank
    FROM (
        SELECT customer_id, first_value(category ORDER BY purchases DESC, category) AS category
        FROM (
            SELECT customer_id, category, count(DISTINCT concat(source, ' ', order_id)) AS purchases
            FROM purchase_lines
            WHERE customer_id IS NOT NULL AND category IS NOT NULL AND ordered_on > add_days($today, 0 - $days)
            GROUP BY customer_id, category
        ) AS shelf
        GROUP BY customer_id
    ) AS liked
    JOIN (
        SELECT
            product_id, name, category,
            CAST(rank() OVER (PARTITION BY category ORDER BY amount DESC) AS BIGINT) AS rank
        FROM (
            SELECT product_id, max(name) AS name, max(category) AS category, sum(amount) AS amount
            FROM purchase_lines
            WHERE product_id IS NOT NULL AND ordered_on >= add_days($today, 0 - $rank_days) AND ordered_on < $today
            GROUP BY product_id
        ) AS sold
    ) AS seller ON seller.category = liked.category
    LEFT JOIN (
        SELECT DISTINCT customer_id, product_id FROM purchase_lines WHERE customer_id IS NOT NULL AND product_id IS NOT NULL
    ) AS owned ON owned.customer_id = liked.customer_id AND owned.product_id = seller.product_id
    WHERE owned.product_id IS NULL
    GROUP BY liked.customer_id, liked.category
) AS best
ORDER BY best.customer_id
