-- Bought together
--
-- For each product, what else is in the baskets that hold it. Support is the share of all baskets that hold both, confidence the share of
-- the product's baskets that hold the other too, lift how many times more often than chance would put them together (1 = by chance).
-- Products in fewer than `min_orders` baskets and pairs in fewer than `min_together` are left out: with so few, lift is noise.
--
-- param from         date  = 1900-01-01
-- param to           date  = 2200-01-01
-- param product      text  = ""
-- param min_orders   int   = 5  ja:"最少注文数" en:"Fewest orders"
-- param min_together int   = 3  ja:"最少同時購入" en:"Fewest together"
-- param min_lift     float = 0  ja:"最小リフト" en:"Least lift"
-- param top          int   = 200
-- column product_id    text  ja:"商品ID"  en:"Product"
-- column name          text  ja:"商品名"  en:"Name"
-- column other_id      text  ja:"併売商品ID"  en:"Bought with"
-- column other_name    text  ja:"併売商品名"  en:"Its name"
-- column together      int   ja:"併売件数"  en:"Baskets with both"
-- column orders        int   ja:"商品の購入件数"  en:"Baskets with the product"
-- column other_orders  int   ja:"併売商品の購入件数"  en:"Baskets with the other"
-- column support       rate  ja:"支持度"  en:"Support"
-- column confidence    rate  ja:"信頼度"  en:"Confidence"
-- column lift          float ja:"リフト値"  en:"Lift"
SELECT product_id, name, other_id, other_name, together, orders, other_orders, support, confidence, lift
FROM (
    SELECT
        product_id, name, other_id, other_name, together, orders, other_orders,
        CAST(together AS DOUBLE) / baskets AS support,
        CAST(together AS DOUBLE) / orders AS confidence,
        CAST(together * baskets AS DOUBLE) / (orders * other_orders) AS lift,
        row_number() OVER (ORDER BY together DESC, orders, other_orders, product_id, other_id) AS place
    FROM (
        SELECT
            this.product_id, max(this.name) AS name, other.product_id AS other_id, max(other.name) AS other_name, count(*) AS together,
            max(this.orders) AS orders, max(other.orders) AS other_orders
        FROM (
            SELECT source, order_id, product_id, name, count(*) OVER (PARTITION BY product_id) AS orders
            FROM (
                SELECT source, order_id, product_id, max(name) AS name
                FROM purchase_lines
                WHERE product_id IS NOT NULL AND ordered_on >= $from AND ordered_on < $to
                GROUP BY source, order_id, product_id
            ) AS item
        ) AS this
        JOIN (
            SELECT source, order_id, product_id, name, count(*) OVER (PARTITION BY product_id) AS orders
            FROM (
                SELECT source, order_id, product_id, max(name) AS name
                FROM purchase_lines
                WHERE product_id IS NOT NULL AND ordered_on >= $from AND ordered_on < $to
                GROUP BY source, order_id, product_id
            ) AS item
        ) AS other
            ON other.source = this.source AND other.order_id = this.order_id AND other.product_id <> this.product_id
        WHERE this.orders >= $min_orders AND other.orders >= $min_orders AND ($product = '' OR this.product_id = $product)
        GROUP BY this.product_id, other.product_id
        HAVING count(*) >= $min_together
    ) AS pair
    CROSS JOIN (
        SELECT count(*) AS baskets
        FROM (
            SELECT DISTINCT source, order_id
            FROM purchase_lines
            WHERE product_id IS NOT NULL AND ordered_on >= $from AND ordered_on < $to
        ) AS basket
    ) AS total
    WHERE CAST(together * baskets AS DOUBLE) / (orders * other_orders) >= $min_lift
) AS ranked
WHERE place <= $top
ORDER BY place
