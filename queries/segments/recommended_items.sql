-- Recommended next product
-- ja おすすめ商品（併売）
--
-- For customers who bought in the last `days` days: of what others put into the basket with something they have bought, the product that they never
-- bought and that is most often there (confidence; see `bought_together`). Only pairs in at least `min_together` baskets.
-- ja 直近 `days` 日以内の購入者に、買った商品と一緒に買われることが最も多く、まだ買っていない商品を付けます。
--
-- param days         int = 90
-- param min_together int = 3
-- column customer_id   text  ja:"会員ID"  en:"Customer"
-- column product_id    text  ja:"おすすめ商品ID"  en:"Recommended"
-- column product_name  text  ja:"おすすめ商品名"  en:"Its name"
-- column because_id    text  ja:"もとの商品ID"  en:"Because of"
-- column because_name  text  ja:"もとの商品名"  en:"Name of that"
-- column confidence    rate  ja:"信頼度"  en:"Confidence"
SELECT
    best.customer_id, best.product_id, best.product_name, best.because_id, best.because_name, best.confidence
FROM (
    SELECT
        candidate.customer_id,
        first_value(candidate.product_id ORDER BY candidate.confidence DESC, candidate.together DESC, candidate.product_id, candidate.because_id) AS product_id,
        first_value(candidate.product_name ORDER BY candidate.confidence DESC, candidate.together DESC, candidate.product_id, candidate.because_id) AS product_name,
        first_value(candidate.because_id ORDER BY candidate.confidence DESC, candidate.together DESC, candidate.product_id, candidate.because_id) AS because_id,
        first_value(candidate.because_name ORDER BY candidate.confidence DESC, candidate.together DESC, candidate.product_id, candidate.because_id) AS because_name,
        max(candidate.confidence) AS confidence
    FROM (
        SELECT
            bought.customer_id, pair.other_id AS product_id, pair.other_name AS product_name, bought.product_id AS because_id,
            bought.name AS because_name, CAST(pair.together AS DOUBLE) / pair.orders AS confidence, pair.together
        FROM (
            SELECT customer_id, product_id, max(name) AS name
            FROM purchase_lines
            WHERE customer_id IS NOT NULL AND product_id IS NOT NULL AND ordered_on > add_days($today, 0 - $days)
            GROUP BY customer_id, product_id
        ) AS bought
        JOIN (
            SELECT
                this.product_id, other.product_id AS other_id, max(other.name) AS other_name, count(*) AS together, max(this.orders) AS orders
            FROM (
                SELECT source, order_id, product_id, count(*) OVER (PARTITION BY product_id) AS orders
                FROM (SELECT DISTINCT source, order_id, product_id FROM purchase_lines WHERE product_id IS NOT NULL) AS item
            ) AS this
            JOIN (
                SELECT source, order_id, product_id, max(name) AS name
                FROM purchase_lines
                WHERE product_id IS NOT NULL
                GROUP BY source, order_id, product_id
            ) AS other ON other.source = this.source AND other.order_id = this.order_id AND other.product_id <> this.product_id
            GROUP BY this.product_id, other.product_id
            HAVING count(*) >= $min_together
        ) AS pair ON pair.product_id = bought.product_id
    ) AS candidate
    LEFT JOIN (
        SELECT DISTINCT customer_id, product_id FROM purchase_lines WHERE customer_id IS NOT NULL AND product_id IS NOT NULL
    ) AS owned ON owned.customer_id = candidate.customer_id AND owned.product_id = candidate.product_id
    WHERE owned.product_id IS NULL
    GROUP BY candidate.customer_id
) AS best
ORDER BY best.customer_id
