-- RFM grid
--
-- Buyers and their net revenue by R (days since the last purchase) and F (orders), 5 is best. A cell without buyers has no row.
-- `method` is `thresholds` (limits that mean the same every day: see the data dictionary under `customer_rfm`), `percent_rank` (a fifth
-- of the buyers of all time in each score, equal values with equal scores) or `ntile` (fifths of equal size that part equal values by id).
-- Where half of the buyers bought once, no rank can fill every score of F: thresholds can.
--
-- param method text = "thresholds"
-- column r             int     ja:"R（最終購入）"  en:"R (recency)"
-- column f             int     ja:"F（購入頻度）"  en:"F (frequency)"
-- column customers     int     ja:"会員数"  en:"Customers"
-- column share         rate    ja:"会員構成比"  en:"Share of customers"
-- column net_revenue   money   ja:"純売上"  en:"Net revenue"
-- column per_customer  money   ja:"1人あたり純売上"  en:"Net per customer"
SELECT
    r, f,
    count(*) AS customers,
    CAST(count(*) AS DOUBLE) / max(n) AS share,
    CAST(sum(net_revenue) AS DECIMAL(18, 4)) AS net_revenue,
    CAST(CAST(sum(net_revenue) AS DOUBLE) / count(*) AS DECIMAL(18, 4)) AS per_customer
FROM (
    SELECT r, f, net_revenue, count(*) OVER () AS n
    FROM (
        SELECT r, f, net_revenue FROM customer_rfm WHERE $method = 'thresholds'
        UNION ALL
        SELECT r, f, net_revenue FROM customer_ranks WHERE $method = 'percent_rank'
        UNION ALL
        SELECT
            CAST(ntile(5) OVER (ORDER BY last_ordered_on, customer_id) AS BIGINT) AS r,
            CAST(ntile(5) OVER (ORDER BY orders, customer_id) AS BIGINT) AS f,
            net_revenue
        FROM customer_facts
        WHERE $method = 'ntile'
    ) AS scored
) AS counted
GROUP BY r, f
ORDER BY r DESC, f DESC
