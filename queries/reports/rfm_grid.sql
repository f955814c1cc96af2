-- RFM grid
--
-- Buyers and their net revenue by R (days since the last purchase) and F (orders), 5 is best. A cell without buyers has
-- no row.
--
-- column r             int     ja:"R（最終購入）"  en:"R (recency)"
-- column f             int     ja:"F（購入頻度）"  en:"F (frequency)"
-- column customers     int     ja:"会員数"  en:"Customers"
-- column share         rate    ja:"会員構成比"  en:"Share of customers"
-- column net_revenue   money   ja:"純売上"  en:"Net revenue"
-- column per_customer  money   ja:"1人あたり純売上"  en:"Net per customer"
SELECT
    r, f, customers,
    CAST(customers AS DOUBLE) / CAST(sum(customers) OVER () AS DOUBLE) AS share,
    CAST(net AS DECIMAL(18, 4)) AS net_revenue,
    CAST(CAST(net AS DOUBLE) / customers AS DECIMAL(18, 4)) AS per_customer
FROM (SELECT r, f, count(*) AS customers, sum(net_revenue) AS net FROM customer_ranks GROUP BY r, f) AS cell
ORDER BY r DESC, f DESC
