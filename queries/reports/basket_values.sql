-- Basket values
--
-- Purchases by their net value, in bands of `band`; the last holds those of `top` or more. Shows where a free-shipping line would bite.
--
-- param from date  = 1900-01-01
-- param to   date  = 2200-01-01
-- param band money = 1000  ja:"金額の刻み" en:"Width of a band"
-- param top  money = 20000  ja:"ここから上はまとめる" en:"Summed up from"
-- column value_from  money  ja:"金額（以上）"  en:"Value from"
-- column orders      int    ja:"購入件数"  en:"Purchases"
-- column share       rate   ja:"構成比"  en:"Share"
-- column up_to       rate   ja:"累積構成比"  en:"Cumulative share"
SELECT
    value_from, orders,
    CAST(orders AS DOUBLE) / sum(orders) OVER () AS share,
    CAST(sum(orders) OVER (ORDER BY value_from) AS DOUBLE) / sum(orders) OVER () AS up_to
FROM (
    SELECT value_from, count(*) AS orders
    FROM (
        SELECT CAST(CASE WHEN net >= $top THEN $top ELSE net - net % $band END AS DECIMAL(18, 4)) AS value_from
        FROM purchases
        WHERE ordered_on >= $from AND ordered_on < $to
    ) AS banded
    GROUP BY value_from
) AS counted
ORDER BY value_from
