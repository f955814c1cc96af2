-- Deciles
--
-- Buyers of the last `days` days in ten groups of equal size by net revenue, the best first. Equal amounts are cut by
-- customer id, so the borders between groups may split ties. A big purchase long ago also leads to decile 1: see the
-- days since the last purchase.
--
-- param days int = 3650  ja:"デシルの対象日数" en:"Days of the deciles"
-- column decile            int     ja:"デシル"  en:"Decile"
-- column customers         int     ja:"会員数"  en:"Customers"
-- column net_revenue       money   ja:"純売上"  en:"Net revenue"
-- column share             rate    ja:"構成比"  en:"Share"
-- column cumulative_share  rate    ja:"累積構成比"  en:"Cumulative share"
-- column per_customer      money   ja:"1人あたり純売上"  en:"Net per customer"
-- column least             money   ja:"最小"  en:"Least"
-- column most              money   ja:"最大"  en:"Most"
-- column recency_days      float   ja:"最終購入からの平均日数"  en:"Mean days since last purchase"
SELECT
    decile, customers,
    CAST(net AS DECIMAL(18, 4)) AS net_revenue,
    CAST(net AS DOUBLE) / nullif(CAST(sum(net) OVER () AS DOUBLE), 0) AS share,
    CAST(sum(net) OVER (ORDER BY decile) AS DOUBLE) / nullif(CAST(sum(net) OVER () AS DOUBLE), 0) AS cumulative_share,
    CAST(CAST(net AS DOUBLE) / customers AS DECIMAL(18, 4)) AS per_customer,
    least, most, recency_days
FROM (
    SELECT
        tile['tile'] AS decile, tile['count'] AS customers, tile['total'] AS net, tile['least'] AS least, tile['most'] AS most,
        tile['mean'] AS recency_days
    FROM (
        SELECT unnest(tiles(10, net, customer_id, days_between(last_ordered_on, $today))) AS tile
        FROM (
            -- Whoever bought first within these days bought nothing before them.
            SELECT customer_id, net_revenue AS net, last_ordered_on
            FROM customer_facts
            WHERE first_ordered_on > add_days($today, 0 - $days)
            UNION ALL
            SELECT customer_id, CAST(sum(net) AS DECIMAL(18, 4)) AS net, max(ordered_on) AS last_ordered_on
            FROM purchase_days
            WHERE ordered_on > add_days($today, 0 - $days) AND first_ordered_on <= add_days($today, 0 - $days)
            GROUP BY customer_id
        ) AS buyer
    ) AS tiled
) AS grouped
ORDER BY decile
