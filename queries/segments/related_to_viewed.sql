-- Related to what they looked at
-- ja 閲覧商品の関連商品
--
-- Customers who looked at a product in the last `days` days and have not bought it since, with the product most often bought together with the one
-- they looked at last, of those they never bought. Only pairs in at least `min_together` baskets.
-- ja 直近 `days` 日以内に見て買っていない商品について、一緒に買われることが最も多く、本人がまだ買っていない商品を付けます。
--
-- param days         int = 7
-- param min_together int = 3
-- column customer_id   text  ja:"会員ID"  en:"Customer"
-- column viewed_id     text  ja:"閲覧商品ID"  en:"Looked at"
-- column viewed_name   text  ja:"閲覧商品名"  en:"Its name"
-- column product_id    text  ja:"関連商品ID"  en:"Related"
-- column product_name  text  ja:"関連商品名"  en:"Name of the related"
-- column together      int   ja:"併売件数"  en:"Baskets with both"
SELECT best.customer_id, best.viewed_id, viewed.name AS viewed_name, best.product_id, related.name AS product_name, best.together
FROM (
    SELECT
        look.customer_id, look.product_id AS viewed_id,
        first_value(pair.other_id ORDER BY pair.together DESC, pair.other_id) AS product_id,
        max(pair.together) AS together
    FROM (
        SELECT customer_id, last_value(product_id ORDER BY last_at, product_id) AS product_id
        FROM product_interest
        WHERE last_at >= add_seconds($as_of, 0 - $days * 86400) AND (bought_at IS NULL OR bought_at < last_at)
        GROUP BY customer_id
    ) AS look
    JOIN (
        SELECT this.product_id, other.product_id AS other_id, count(*) AS together
        FROM (SELECT DISTINCT source, order_id, product_id FROM purchase_lines WHERE product_id IS NOT NULL) AS this
        JOIN (SELECT DISTINCT source, order_id, product_id FROM purchase_lines WHERE product_id IS NOT NULL) AS other
            ON other.source = this.source AND other.order_id = this.order_id AND other.product_id <> this.product_id
        GROUP BY this.product_id, other.product_id
        HAVING count(*) >= $min_together
    ) AS pair ON pair.product_id = look.product_id
    LEFT JOIN (
        SELECT DISTINCT customer_id, product_id FROM purchase_lines WHERE customer_id IS NOT NULL AND product_id IS NOT NULL
    ) AS owned ON owned.customer_id = look.customer_id AND owned.product_id = pair.other_id
    WHERE owned.product_id IS NULL
    GROUP BY look.customer_id, look.product_id
) AS best
LEFT JOIN catalogue AS viewed ON viewed.product_id = best.viewed_id
LEFT JOIN catalogue AS related ON related.product_id = best.product_id
ORDER BY best.customer_id
