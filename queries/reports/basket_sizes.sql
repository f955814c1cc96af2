-- Basket sizes
--
-- Purchases by the number of units in them; the last row holds those with `top` units or more. Units of lines that were taken back count as
-- they were sold.
--
-- param from date = 1900-01-01
-- param to   date = 2200-01-01
-- param top  int  = 10  ja:"ここから上はまとめる" en:"Summed up from"
-- column units       int    ja:"点数"  en:"Units"
-- column orders      int    ja:"購入件数"  en:"Purchases"
-- column share       rate   ja:"構成比"  en:"Share"
-- column value       money  ja:"平均購入単価"  en:"Value per purchase"
-- column categories  float  ja:"1件あたりカテゴリ数"  en:"Categories per purchase"
SELECT
    units, orders,
    CAST(orders AS DOUBLE) / sum(orders) OVER () AS share,
    CAST(net / orders AS DECIMAL(18, 4)) AS value,
    categories / orders AS categories
FROM (
    SELECT
        least(units, $top) AS units, count(*) AS orders, CAST(sum(net) AS DOUBLE) AS net, CAST(sum(categories) AS DOUBLE) AS categories
    FROM (
        SELECT order_net AS net, CAST(sum(units) AS BIGINT) AS units, count(category) AS categories
        FROM (
            SELECT source, order_id, order_net, category, sum(quantity) AS units
            FROM purchase_lines
            WHERE ordered_on >= $from AND ordered_on < $to
            GROUP BY source, order_id, order_net, category
        ) AS part
        GROUP BY source, order_id, order_net
    ) AS basket
    GROUP BY least(units, $top)
) AS size
ORDER BY units
