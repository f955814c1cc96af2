-- Baskets by month
--
-- What one purchase holds: its value (net of discounts and refunds), units, different products and different categories, on average.
-- Purchases whose lines are not known do not count.
--
-- param from date = 1900-01-01
-- param to   date = 2200-01-01
-- column month       date   ja:"月"  en:"Month"
-- column orders      int    ja:"購入件数"  en:"Purchases"
-- column net         money  ja:"純売上"  en:"Net revenue"
-- column value       money  ja:"平均購入単価"  en:"Value per purchase"
-- column units       float  ja:"1件あたり点数"  en:"Units per purchase"
-- column products    float  ja:"1件あたり商品種類数"  en:"Products per purchase"
-- column categories  float  ja:"1件あたりカテゴリ数"  en:"Categories per purchase"
SELECT
    month_start(ordered_on) AS month,
    count(*) AS orders,
    CAST(sum(net) AS DECIMAL(18, 4)) AS net,
    CAST(CAST(sum(net) AS DOUBLE) / count(*) AS DECIMAL(18, 4)) AS value,
    CAST(sum(units) AS DOUBLE) / count(*) AS units,
    CAST(sum(products) AS DOUBLE) / count(*) AS products,
    CAST(sum(categories) AS DOUBLE) / count(*) AS categories
FROM (
    -- By product, then by category: distinct counts beside sums are slow.
    SELECT ordered_on, net, sum(units) AS units, sum(products) AS products, count(category) AS categories
    FROM (
        SELECT source, order_id, ordered_on, net, category, sum(units) AS units, count(*) AS products
        FROM (
            SELECT source, order_id, ordered_on, order_net AS net, product_id, max(category) AS category, sum(quantity) AS units
            FROM purchase_lines
            WHERE ordered_on >= $from AND ordered_on < $to
            GROUP BY source, order_id, ordered_on, order_net, product_id
        ) AS item
        GROUP BY source, order_id, ordered_on, net, category
    ) AS part
    GROUP BY source, order_id, ordered_on, net
) AS basket
GROUP BY month_start(ordered_on)
ORDER BY month
